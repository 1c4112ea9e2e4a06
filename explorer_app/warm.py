"""Loads what the first page needs late, while it is still reading: key words stand on scikit-learn, a second to load.

Imported once in a process (the entry script runs anew with every click, a module does not).
"""

import importlib
import threading

threading.Thread(target=importlib.import_module, args=("lmindexer.keywords",), daemon=True).start()
