# Each target is a line or two; the work is done in course/. A bare `make` lists them.
PYTHON ?= python3

# Without cached bytecode every start would take twice as long.
unexport PYTHONDONTWRITEBYTECODE

# Empty here, so that they come from the command line alone: WSL exports a NAME of its own,
# some shells a HOST.
NAME =
PROJECT =
PORT =
IN =
ARGS =
PAGES =
HOST =
UPGRADE =
HINT =
DIFF =
WATCH =

FRENCH := $(filter fr% FR%,$(firstword $(IN) $(LANGUAGE) $(LC_ALL) $(LC_MESSAGES) $(LANG)))
SPEAK = $(if $(IN),LANGUAGE=$(IN))
SETUP = $(SPEAK) $(PYTHON) course/setup.py
COURSE = .venv/bin/course
LANGUAGE_OPTION = $(if $(IN),--lang $(IN))
LOCK = .venv/bin/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal \
	--python-version 3.11 --generate-hashes --no-annotate
missing = $(error $(if $(FRENCH),ajoutez par exemple $(1),say which: for example $(1)))

.PHONY: help setup start broker begin check diff forward docs notebooks ipynb i18n pictures diagrams doctor test lint bench audit lock clean \
	with-name with-project

help: ## list the targets (IN=fr for French) :: liste les commandes (IN=en pour l'anglais)
	@awk -F ' *## *| *:: *' '/^[a-z]+:.*##/ { split($$1, target, ":"); \
		printf "make %-9s %s\n", target[1], $$$(if $(FRENCH),3,2) }' $(firstword $(MAKEFILE_LIST))

setup: ## prepare .venv (the other commands do so when they need it) :: prépare .venv (les autres commandes le font au besoin)
	@$(SETUP)

start: setup ## start a lesson (NAME=06; else the last) :: démarre une leçon (NAME=06, sinon la dernière)
	@$(COURSE) start $(LANGUAGE_OPTION)$(if $(HOST), --host $(HOST)) $(NAME)

broker: setup ## the broker alone, on port 6379 (or PORT=6380) :: démarre le broker seul, sur le port 6379
	@$(COURSE) broker $(LANGUAGE_OPTION) $(if $(PORT),--port $(PORT))

begin: with-name with-project setup ## a project as it stands before a lesson (NAME=05 PROJECT=~/mysite) :: crée le projet tel qu'il est avant une leçon (NAME=05 PROJECT=~/mysite)
	@$(COURSE) begin $(LANGUAGE_OPTION) "$(NAME)" "$(PROJECT)"

check: with-project setup ## has a project of yours reached a lesson (NAME=05 PROJECT=~/mysite HINT=1 DIFF=1 WATCH=1) :: votre projet a-t-il atteint une leçon (NAME=05 PROJECT=~/mysite HINT=1 DIFF=1 WATCH=1)
	@$(COURSE) check $(LANGUAGE_OPTION) $(NAME) --project "$(PROJECT)"$(if $(HINT), --hint)$(if $(DIFF), --diff)$(if $(WATCH), --watch) $(ARGS)

diff: with-name setup ## what a lesson changes (NAME=05) :: montre ce qu'une leçon change (NAME=05)
	@$(COURSE) diff $(LANGUAGE_OPTION) "$(NAME)"

forward: with-name setup ## carry an edited lesson on to the later ones (NAME=05) :: reporte les modifications d'une leçon sur les suivantes (NAME=05)
	@$(COURSE) forward $(LANGUAGE_OPTION) "$(NAME)"

docs: setup ## the pages, in both languages, on port 8080 (HOST=0.0.0.0 for the whole room) :: sert les pages, dans les deux langues, sur le port 8080 (HOST=0.0.0.0 pour toute la salle)
	@$(COURSE) docs $(LANGUAGE_OPTION)$(if $(PORT), --port $(PORT))$(if $(HOST), --host $(HOST))

notebooks: ## the notebooks, in JupyterLab (NAME=05) :: ouvre les notebooks dans JupyterLab (NAME=05)
	@$(SETUP) notebooks
	@$(COURSE) notebooks $(LANGUAGE_OPTION) $(NAME)

ipynb: ## write the notebooks from their sources (notebooks/src) :: réécrit les notebooks à partir de leurs sources (notebooks/src)
	@$(SETUP) test
	@$(COURSE) ipynb $(LANGUAGE_OPTION)

i18n: setup ## which French pages are behind (PAGES=all: acknowledge) :: pages françaises en retard (PAGES=all : les marquer à jour)
	@$(COURSE) i18n $(LANGUAGE_OPTION) $(PAGES)

doctor: ## what is wrong with this machine, and the remedy :: dit ce qui ne va pas sur cette machine, et comment y remédier
	@$(SETUP) doctor

# Tests wait more than they compute, so there are more of them at a time than cores.
test: ## run every test (some: ARGS='-k worker') :: lance tous les tests (ARGS='-k worker' pour en choisir)
	@$(SETUP) test
	@.venv/bin/python -m pytest -n 3 --dist worksteal $(ARGS)

lint: ## check style and types :: vérifie le style et les types
	@$(SETUP) test
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

bench: ## run the measurements :: lance les mesures
	@$(SETUP) test
	@.venv/bin/python -m bench

pictures: ## take the screenshots anew, from the running lessons :: refait les captures d'écran, à partir des leçons en marche
	@$(SETUP) test
	@$(SPEAK) .venv/bin/python -m course.pictures $(ARGS)

diagrams: ## draw the pages' Mermaid diagrams (needs npm) :: dessine les diagrammes Mermaid des pages (il faut npm)
	@$(SETUP) test
	@$(SPEAK) .venv/bin/python -m course.diagrams $(ARGS)

audit: ## look for known vulnerabilities in the locked packages :: cherche les vulnérabilités connues dans les paquets verrouillés
	@$(SETUP) audit
	@$(SPEAK) .course/audit/bin/python -m course.audit

lock: ## write requirements/ anew (UPGRADE=1 for new versions) :: réécrit requirements/ (UPGRADE=1 pour de nouvelles versions)
	@$(SETUP) test
	@$(LOCK) pyproject.toml lessons/07_flower/requirements.txt -o requirements/course.txt
	@$(LOCK) pyproject.toml --group notebooks lessons/07_flower/requirements.txt -c requirements/course.txt -o requirements/notebooks.txt
	@$(LOCK) pyproject.toml --group test lessons/07_flower/requirements.txt -c requirements/notebooks.txt -o requirements/test.txt
	@$(LOCK) --group audit -o requirements/audit.txt

clean: ## remove all that was made (.venv, .course, …) :: supprime tout ce que les commandes ont produit (.venv, .course…)
	@rm -rf .venv .course site .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

with-name:
	@$(if $(NAME),,$(call missing,NAME=05))

with-project:
	@$(if $(PROJECT),,$(call missing,PROJECT=~/mysite))
