"""The study file: its settings, its checks and the folder to start from."""

from sentinel.study.config import StudyConfig
from sentinel.study.loading import StudyError, load_study, read_study
from sentinel.study.template import write_new_study

__all__ = ["StudyConfig", "StudyError", "load_study", "read_study", "write_new_study"]
