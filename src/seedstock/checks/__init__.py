"""One file, one kind of contamination. `seedstock.core.contracts` says what each must do."""
