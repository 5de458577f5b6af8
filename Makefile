# Orbit. `make help` lists the targets.
#
# Every folder below src/ that holds C files becomes one static library, by itself. src/server and the
# folders of src/tools hold the programs. Output: build/<variant>/; release programs end in bin/.

BUILD_ROOT ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 10
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

ifdef FUZZ_BUILD
VARIANT := fuzz
else ifdef CHECK_BUILD
VARIANT := check
WERROR := 1
else ifeq ($(SANITIZE),thread)
VARIANT := tsan
else ifdef SANITIZE
VARIANT := asan
else ifdef COVERAGE
VARIANT := cov
else ifdef DEBUG
VARIANT := debug
else
VARIANT := release
endif
BUILD := $(BUILD_ROOT)/$(VARIANT)
BIN := $(if $(filter release,$(VARIANT)),bin,$(BUILD)/bin)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough \
	-Wconversion -Wno-sign-conversion -Wno-unused-parameter
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wno-string-conversion
else
# Cuts are on purpose where sizes cannot be known to the compiler.
NO_TRUNCATION := -Wno-format-truncation
endif
HARDENING := -fvisibility=hidden -fno-common -fstack-protector-strong -fno-omit-frame-pointer
COMMON := -std=c11 -D_GNU_SOURCE -Isrc -g $(HARDENING) -pthread $(if $(WERROR),-Werror)

SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
MODE_release := -O2 -D_FORTIFY_SOURCE=2
MODE_check := -O2 -D_FORTIFY_SOURCE=2
MODE_debug := -O0 -DORBIT_DEBUG -DORBIT_FAULTS
MODE_asan := -O1 $(NO_TRUNCATION) $(SANITIZERS) -DORBIT_LIBC_MALLOC -DORBIT_DEBUG -DORBIT_FAULTS
MODE_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -DORBIT_LIBC_MALLOC -DORBIT_DEBUG
MODE_tsan := -O1 $(NO_TRUNCATION) -fsanitize=thread -DORBIT_LIBC_MALLOC -DORBIT_DEBUG -DORBIT_FAULTS
MODE_cov := -O0 --coverage -DORBIT_DEBUG -DORBIT_FAULTS
LINK_asan := $(SANITIZERS)
LINK_tsan := -fsanitize=thread
LINK_cov := --coverage

# ---- sources and libraries -------------------------------------------------------------------------

# Programs' folders are libraries too; their main.c is left out and linked apart.
MAINS := $(wildcard src/server/main.c) $(wildcard src/tools/*/main.c) $(wildcard src/tools/*_main.c)
SOURCES := $(filter-out $(MAINS),$(wildcard src/*/*.c src/*/*/*.c))
FOLDERS := $(patsubst %/,%,$(sort $(dir $(SOURCES))))
lib_of = $(BUILD)/lib/$(subst /,-,$(patsubst src/%,%,$(1))).a
objs_of = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(filter-out $(MAINS),$(wildcard $(1)/*.c)))
LIBS := $(foreach f,$(FOLDERS),$(call lib_of,$(f)))
SERVER_LIBS := $(foreach f,$(filter-out src/tools src/tools/%,$(FOLDERS)),$(call lib_of,$(f)))

# A module is the C files of one folder, with base and value linked in; modules/query is a library for them.
MODULES := $(filter-out modules/query,$(patsubst %/,%,$(sort $(dir $(wildcard modules/*/*.c)))))
MODULE_LIBRARY := $(wildcard src/base/*.c src/value/*.c modules/query/*.c)

# ---- third-party libraries, each wanted only when its home exists ----------------------------------

has = $(wildcard src/$(1))
PKGS := $(if $(call has,event),libevent libevent_pthreads libevent_openssl openssl) \
	$(if $(call has,value),jansson) \
	$(if $(call has,storage),liblz4 libzstd zlib) \
	$(if $(call has,storage/rocksdb),rocksdb) \
	$(if $(call has,rdb),liblzf) \
	$(if $(call has,storage/cow_btree),lmdb) \
	$(if $(call has,services/script),lua5.1) \
	$(if $(call has,tools/cli),hiredis)
PKGS := $(strip $(PKGS))
ifneq ($(PKGS),)
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
endif
# LevelDB of Debian 12 brings no pkg-config file.
PKG_LIBS += $(if $(call has,storage/lsm_tree),-lleveldb)
MALLOC_LIBS := $(if $(filter asan tsan fuzz,$(VARIANT)),,-ljemalloc)
LDLIBS = $(MALLOC_LIBS) $(PKG_LIBS) -pthread -lm -ldl
LDFLAGS_ALL = $(LINK_$(VARIANT)) -rdynamic -Wl,-z,relro,-z,now $(LDFLAGS)

CFLAGS_ALL = $(COMMON) $(WARNINGS) $(MODE_$(VARIANT)) $(PKG_CFLAGS) $(CFLAGS)
TEST_CFLAGS = $(COMMON) -Wall -Wextra $(NO_TRUNCATION) -Wno-unused-parameter $(MODE_$(VARIANT)) $(PKG_CFLAGS) -Itests $(CFLAGS)

PROGRAMS := $(if $(wildcard src/server/main.c),$(BIN)/orbit-server) \
	$(patsubst src/tools/%/main.c,$(BIN)/orbit-%,$(wildcard src/tools/*/main.c)) \
	$(patsubst src/tools/%_main.c,$(BIN)/orbit-%,$(wildcard src/tools/*_main.c))

.PHONY: $(MODULES)
.PHONY: all libs run test check bench fuzz gen format install clean help deps tests
.DEFAULT_GOAL := all
.SECONDARY:

all: $(PROGRAMS) libs $(MODULES)

libs: $(LIBS)

# One rule per library; a plain archive, written anew so that removed files vanish from it.
define library
$(call lib_of,$(1)): $(call objs_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcsD $$@ $$(filter %.o,$$^)
endef
$(foreach f,$(FOLDERS),$(eval $(call library,$(f))))

# Flags that changed rebuild everything.
FLAGS_FILE := $(BUILD)/flags
FLAGS_TEXT := $(subst ','\'',$(filter-out ccache,$(CC)) $(CFLAGS_ALL))
ifneq ($(MAKECMDGOALS),clean)
$(shell mkdir -p $(BUILD); printf '%s' '$(FLAGS_TEXT)' | cmp -s - $(FLAGS_FILE) || \
	printf '%s' '$(FLAGS_TEXT)' > $(FLAGS_FILE))
endif

$(BUILD)/obj/%.o: src/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(BIN)/orbit-server: $(BUILD)/obj/server/main.o $(SERVER_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(SERVER_LIBS) -Wl,--end-group $(LDLIBS)

$(BIN)/orbit-%: $(BUILD)/obj/tools/%/main.o $(LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(filter-out $(BUILD)/lib/server.a,$(LIBS)) -Wl,--end-group $(LDLIBS)

$(BIN)/orbit-%: $(BUILD)/obj/tools/%_main.o $(LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(filter-out $(BUILD)/lib/server.a,$(LIBS)) -Wl,--end-group $(LDLIBS)

# ---- modules ---------------------------------------------------------------------------------------

$(BUILD)/pic/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	@echo "  CC    $< (module)"
	@$(CC) $(CFLAGS_ALL) -fPIC -I. -MMD -MP -c $< -o $@

$(BUILD)/pic/library.a: $(MODULE_LIBRARY:%.c=$(BUILD)/pic/%.o)
	@rm -f $@
	@$(AR) rcsD $@ $^

define module
$(1): $(BIN)/$(1).so
$(BIN)/$(1).so: $(patsubst %.c,$(BUILD)/pic/%.o,$(wildcard $(1)/*.c)) $(BUILD)/pic/library.a
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC) -shared $$(LINK_$(VARIANT)) -Wl,-z,relro,-z,now,--as-needed $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		$(BUILD)/pic/library.a $$(MALLOC_LIBS) $$(shell pkg-config --libs jansson) -pthread -lm
endef
$(foreach m,$(MODULES),$(eval $(call module,$(m))))

# ---- tests -----------------------------------------------------------------------------------------

UNIT_SOURCES := $(wildcard tests/unit/test_*.c tests/unit/*/test_*.c tests/unit/*/*/test_*.c)
UNIT_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_SOURCES))
CONFORMANCE_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/conformance/test_*.c))
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
REPLAY_PROGRAMS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/replay/%,$(FUZZ_SOURCES))
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(FUZZ_SOURCES))
# What several tests of a folder share: support files beside them, or beside their folder.
parent_of = $(dir $(patsubst %/,%,$(dir $(1))))
support_of = $(filter-out $(dir $(1))test_%.c $(dir $(1))fuzz_%.c %/replay_main.c, \
	$(wildcard $(dir $(1))*.c) $(filter-out $(parent_of)test_%.c,$(wildcard $(parent_of)*.c)))

$(BUILD)/tests/obj/%.o: tests/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(TEST_CFLAGS) -MMD -MP -c $< -o $@

# A unit test links only what its folder may include, so that an upward call is a link error.
LINKS_FILE := $(BUILD)/links.mk
$(LINKS_FILE): utils/layers.txt utils/check_layers.py Makefile $(BUILD)/folders
	@python3 utils/check_layers.py --links "$(BUILD)" $(FOLDERS) > $@.new && mv $@.new $@
FOLDERS_TEXT := $(FOLDERS) $(sort $(dir $(UNIT_SOURCES)))
$(shell printf '%s' '$(FOLDERS_TEXT)' | cmp -s - $(BUILD)/folders || \
	printf '%s' '$(FOLDERS_TEXT)' > $(BUILD)/folders)
ifneq ($(filter test tests fuzz bench check,$(MAKECMDGOALS))$(filter $(BUILD_ROOT)/%,$(MAKECMDGOALS)),)
include $(LINKS_FILE)
endif

define unit_program
$(BUILD)/tests/$(1): $(BUILD)/tests/obj/$(1).o \
		$(patsubst tests/%.c,$(BUILD)/tests/obj/%.o,$(call support_of,tests/$(1).c)) \
		$(LINKS_$(patsubst unit/%,%,$(patsubst %/,%,$(dir $(1)))))
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka $$(LDLIBS)
endef
$(foreach t,$(patsubst tests/%.c,%,$(UNIT_SOURCES)),$(eval $(call unit_program,$(t))))
$(foreach t,$(patsubst tests/%.c,%,$(wildcard tests/conformance/test_*.c)),$(eval $(call unit_program,$(t))))

$(BUILD)/tests/replay/%: $(BUILD)/tests/obj/fuzz/%.o $(BUILD)/tests/obj/fuzz/replay_main.o $(SERVER_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) -Wl,--start-group $(SERVER_LIBS) -Wl,--end-group $(LDLIBS)

tests: all $(UNIT_PROGRAMS) $(CONFORMANCE_PROGRAMS) $(if $(wildcard tests/fuzz/replay_main.c),$(REPLAY_PROGRAMS))

test: DEPS := runtime build test
test: deps
	@$(MAKE) --no-print-directory -s -j$(JOBS) tests
	@python3 utils/run_tests --build "$(BUILD)" --bin "$(BIN)" --variant $(VARIANT) $(if $(JOBS),--jobs $(JOBS)) $(TESTS)

# ---- fuzzing: a build of its own with clang --------------------------------------------------------

fuzz: DEPS := runtime build check
fuzz: deps
	@$(MAKE) --no-print-directory -j$(JOBS) CC=$(FUZZ_CC) FUZZ_BUILD=1 fuzz-programs
	@python3 utils/run_tests --fuzz --build "$(BUILD_ROOT)/fuzz" --seconds $(FUZZ_SECONDS)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

$(BUILD)/tests/fuzz/%: $(BUILD)/tests/obj/fuzz/%.o $(SERVER_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) -fsanitize=fuzzer,address,undefined -o $@ $< -Wl,--start-group $(SERVER_LIBS) -Wl,--end-group $(LDLIBS)

# ---- everything else -------------------------------------------------------------------------------

deps:
	@deps/install $(DEPS)

run: DEPS := runtime build
run: deps
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@$(BIN)/orbit-server redis.conf.sample $(ARGS)

check: DEPS := runtime build test check
check: deps
	@CC="$(CC)" BUILD_ROOT="$(BUILD_ROOT)" utils/check $(CHECKS)

# The parts of utils/check that are worth being incremental.
.PHONY: check-objects check-tidy
CHECK_SOURCES := $(SOURCES) $(MAINS)
TEST_SOURCES := $(wildcard tests/unit/*.c tests/unit/*/*.c tests/unit/*/*/*.c tests/conformance/*.c tests/fuzz/*.c)
check-objects: $(patsubst src/%.c,$(BUILD)/obj/%.o,$(CHECK_SOURCES)) \
	$(patsubst tests/%.c,$(BUILD)/tests/obj/%.o,$(TEST_SOURCES))
check-tidy: $(patsubst src/%.c,$(BUILD)/tidy/%.ok,$(CHECK_SOURCES))

# Once for each version of a file; a changed header alone repeats nothing (CI begins with an empty build folder).
$(BUILD)/tidy/%.ok: src/%.c .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY  $<"
	@clang-tidy-14 --quiet $< -- $(filter-out -Werror,$(CFLAGS_ALL)) -Wno-unknown-warning-option 2>$@.err || \
		{ grep -v -E 'warnings? generated' $@.err; exit 1; }
	@touch $@

bench: DEPS := runtime build bench
bench: deps all
	@utils/bench/redis

gen:
	@python3 utils/gen_commands.py
	@$(MAKE) --no-print-directory -s $(BUILD)/tests/unit/server/test_options
	@$(BUILD)/tests/unit/server/test_options --write

format:
	@git ls-files --cached --others --exclude-standard 'src/*.[ch]' 'modules/*.[ch]' 'tests/*.[ch]' | \
		xargs -r grep -L 'Generated by utils/' | xargs -r sh -c 'python3 utils/sort_includes.py "$$@" && clang-format-14 -i "$$@"' format

install: all
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" BIN="$(BIN)" utils/install

clean:
	rm -rf $(BUILD_ROOT) bin

help:
	@echo 'make            build the programs into bin/'
	@echo 'make modules/NAME  build one module into bin/modules/'
	@echo 'make run        install what is missing, build, start the server with redis.conf.sample'
	@echo 'make test       install what is missing, build, run every test (SANITIZE=1: ASan+UBSan, SANITIZE=thread: TSan)'
	@echo 'make check      format, layers, headers, sizes, generated files, -Werror, clang-tidy, cppcheck'
	@echo 'make fuzz       run each fuzz target for FUZZ_SECONDS (default 10), with clang'
	@echo 'make bench      compare with redis-server'
	@echo 'make gen        generate command tables, redis.conf.sample and option lists from their data'
	@echo 'make format     run clang-format on every source file'
	@echo 'make install    copy programs, configuration and unit file below DESTDIR/PREFIX'
	@echo 'make clean      remove what was built'
	@echo 'Variables: SANITIZE=1, SANITIZE=thread, COVERAGE=1, DEBUG=1, TESTS="WORD...", CC, CFLAGS, BUILD_ROOT, JOBS, PREFIX, DESTDIR, FUZZ_SECONDS'

-include $(shell find $(BUILD)/obj $(BUILD)/pic $(BUILD)/tests/obj -name '*.d' 2>/dev/null)
