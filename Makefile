# make demo   the whole way on data that ships inside a dependency, into runs/demo
# make test   the tests, as CI runs them;  make test-all: with those marked full
# make lint   ruff and pyright
# make rows   kerascnn/models/rows.json, after a network was registered
# make docs   the pages of docs/ as a site, into build/site
# make test-android   the tests of android_demo, its lint and its APK;  make apk: the APK alone
# make android-models the two files of ResNet-8 that the app ships
# Each sets up .venv by itself; PYTHON names another interpreter, 3.11 or newer.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-all rows lint format docs test-android apk android-models

demo: $(READY)
	$(BIN)/kerascnn demo --out runs/demo

test: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile

test-all: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile -m "full or not full"

rows: $(READY)
	$(BIN)/python -c "from kerascnn.analysis.table import write_rows; write_rows()"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test-android: $(READY)
	android_demo/test.sh $(abspath $(BIN)/python)

apk: $(READY)
	android_demo/test.sh $(abspath $(BIN)/python) --apk

android-models: $(READY)
	rm -rf runs/android_models
	$(BIN)/kerascnn train configs/digits/resnet8.yaml --out runs/android_models
	$(BIN)/kerascnn evaluate runs/android_models
	$(BIN)/kerascnn convert runs/android_models --to tflite --recipe float32
	$(BIN)/kerascnn convert runs/android_models --to tflite --recipe static_wi8_ai8
	$(BIN)/kerascnn stage runs/android_models/model_int8_static.tflite \
	    runs/android_models/model_float32.tflite --into android_demo/app/src/main/assets

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@
