"""The image tasks of the founding papers, for those who have the data and a GPU.

A task is a data set, a network and a recipe; :data:`VISION` lists them by name and
:class:`VisionTask` is all of them.
"""

from evaluators.tasks.vision.catalogue import VISION as VISION
from evaluators.tasks.vision.task import VisionTask as VisionTask
