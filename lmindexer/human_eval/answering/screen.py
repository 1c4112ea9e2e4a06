"""What every screen that asks a study's questions shares: when no answer is taken, pace and time left in words."""

SETTLE = 0.35  # seconds after a new question appeared in which no answer is taken: nobody has read it by then


def pace(progress) -> str:
    """Done, pace and time left of a `Progress`, in words.

    >>> from types import SimpleNamespace
    >>> pace(SimpleNamespace(done=3, total=9, seconds_each=12.4, seconds_left=74.0))
    '3 of 9 done · 12 s each · about 2 min left'
    """
    parts = [f"{progress.done:,} of {progress.total:,} done"]
    if progress.seconds_each is not None:
        parts.append(f"{max(round(progress.seconds_each), 1):,} s each")
    if progress.seconds_left:
        parts.append(f"about {time_left(progress.seconds_left)} left")
    return " · ".join(parts)


def time_left(seconds: float) -> str:
    """A time to come, in whole minutes rounded up, or in hours from an hour and a half on.

    >>> time_left(61), time_left(7200)
    ('2 min', '2.0 hours')
    """
    minutes = max(1, -(-int(seconds) // 60))
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} hours"
