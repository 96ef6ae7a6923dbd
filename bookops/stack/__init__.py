"""What `manage.py up` starts and keeps alive on one machine: an embedded Valkey and the project's own processes."""
