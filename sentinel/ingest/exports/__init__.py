"""Exports of form servers: KoboToolbox, ODK Central, SurveyCTO."""
