"""The program, as `python -m provisioner` and as the script `provisioner`."""

from provisioner.process import main

if __name__ == "__main__":
    main()
