"""A run as a page for people (`build.page`), JSON for machines (`facts.facts`), a fragment for notebooks."""
