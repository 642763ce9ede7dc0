import sys
from pathlib import Path

# The scripted server is a module beside the tests; importlib mode does not put it on the path.
sys.path.insert(0, str(Path(__file__).parent))
