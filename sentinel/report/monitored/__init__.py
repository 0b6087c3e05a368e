"""Monitoring for print: figures, tables, and the folder of `sentinel monitor`."""
