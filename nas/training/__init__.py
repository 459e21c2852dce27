"""Small objects around the one training loop: feeds of images, several processes, checkpoints.

:func:`nas.train.fit_feed` takes a :class:`~nas.training.feed.Feed` and
:class:`~nas.training.extras.Extras`; :mod:`nas.training.job` puts them together for ``nas train``.
"""
