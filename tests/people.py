"""The people of the tests, for those who meet them through a browser and know no Django."""

PASSWORD = "correct horse battery"
