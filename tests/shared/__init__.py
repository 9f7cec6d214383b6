"""What tests of several floors share; fixtures are in conftest.py."""
