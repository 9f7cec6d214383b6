"""What tests of several floors share; fixtures are in conftest.py.

It is imported before torch, and has torch's threads sleep while they wait for one another. Otherwise they keep a
processor busy that the other worker of pytest needs: that was a tenth of what the tests of fleets cost.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
