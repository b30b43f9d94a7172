"""One file, one generator. `seedstock.core.contracts` says what each must do."""
