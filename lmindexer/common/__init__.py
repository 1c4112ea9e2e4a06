"""The ground: what every room may use and nothing of the subject.

errors    one sentence with place, cause and remedy        jsonfiles    JSON without NaN, written aside and renamed
palette    colours        progress    bars and history        lazy    names imported when first used
threads    torch's threads wait briefly        forecast    how long work takes
processes  several processes that share a fit
"""
