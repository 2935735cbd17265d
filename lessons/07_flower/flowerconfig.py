# Read by `celery -A myproject flower`.
import os
import secrets

# Flower's own default is every address of the machine.
address = '127.0.0.1'

# FLOWER_BASIC_AUTH=user:password, or a new password at every start.
if not os.environ.get('FLOWER_BASIC_AUTH'):
    password = secrets.token_urlsafe(12)
    basic_auth = [f'admin:{password}']
    print(f'Flower: log in as "admin" with the password "{password}"', flush=True)

# Keep the history across restarts; save it every 10 seconds.
persistent = True
db = 'flower.db'
state_save_interval = 10_000
