"""One file, one measure. `seedstock.core.contracts` says what each must do."""
