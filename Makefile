#
# Everything is built outside the tree, in $(BUILD).  "make help" lists what
# there is to make.
#

CACHE =		$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/llm-batch
BUILD =		$(CACHE)/build$(CURDIR)

CC =		gcc
CLANG =		clang
# nginx and nginx-dev as installed, else as unpacked by tools/install-deps
ROOT =		$(if $(wildcard /usr/share/nginx/src/conf_flags),,$(CACHE)/debian-nginx)
NGINX =		$(ROOT)/usr/sbin/nginx
NGINX_DEV =	$(ROOT)/usr/share/nginx/src
NGINX_VERSION =	$(shell $(NGINX) -v 2>&1 | sed -e 's,.*/,,' -e 's, .*,,')

# one test by its name: "make unit T=json", "make t T=conf_directives"
T =
JOBS =		4
# seconds for each fuzz target; seed of the simulation
SECS =		600
SEED =

CORE =		$(sort $(shell find src/core -name '*.c'))
CORE_H =	$(sort $(shell find src/core -name '*.h'))
CORE_INCS =	$(addprefix -I,$(sort $(patsubst %/,%,$(dir $(CORE_H)))))

WARN =		-std=c99 -Wall -Wextra -Werror -Wshadow
CORE_WARN =	$(WARN) -Wconversion
SANITIZE =	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
		-fno-omit-frame-pointer
# of the core in tests: a step that states do not allow ends them
CHECK =		-DLLMB_CHECK=1
TEST_CFLAGS =	$(WARN) $(CHECK) -D_GNU_SOURCE $(CORE_INCS) -It/unit \
		-DTEST_DATA='"$(CURDIR)/t/data"'

all: module	## the same as "module"

help:		## this list
	@grep -hE '^[a-z][a-z-]*:.*##' Makefile \
	| sed -E 's/^([a-z-]+):.*##/\1	/' | expand -t 18


#
# the module
#

# how it is built: release, check (with crash points), coverage, times (of the
# lock)
VARIANT =	release

MODULE_DIR =	$(BUILD)/module-$(VARIANT)-$(notdir $(CC))
MODULE =	$(MODULE_DIR)/ngx_http_llm_batch_module.so

MODULE_CFLAGS_release =		-O2 -g
MODULE_CFLAGS_check =		-O1 -g -DLLMB_CRASH_POINTS=1 -DLLMB_CHECK=1
MODULE_CFLAGS_times =		-O2 -g -DLLMB_LOCK_TIMES=1
MODULE_CFLAGS_coverage =	-O0 -g --coverage -DLLMB_CRASH_POINTS=1 -DLLMB_CHECK=1
MODULE_LDFLAGS_coverage =	--coverage

module: $(MODULE)	## dynamic, for the nginx that is installed
	@echo "$(MODULE)"

$(MODULE): FORCE
	tools/build-module "$(NGINX_DEV)" "$(CURDIR)" "$(@D)" "$(CC)" \
		"$(MODULE_CFLAGS_$(VARIANT)) $(MODULE_CFLAGS)" \
		"$(MODULE_LDFLAGS_$(VARIANT))"

static:		## nginx NGINX_VERSION from source with the module linked in
	tools/build-nginx $(NGINX_VERSION) $(CURDIR) \
		$(BUILD)/static-$(NGINX_VERSION) $(CC) "-O2 -g" ""

compile:	## core and module with CC=, warnings are errors
	mkdir -p $(BUILD)/compile
	for f in $(CORE); do \
		$(CC) $(CORE_WARN) $(CORE_INCS) -O2 -c -o $(BUILD)/compile/core.o $$f \
		|| exit 1; done
	$(MAKE) --no-print-directory module


#
# tests
#

test: lint unit fuzz-smoke sim model t	## all that a change has to pass

UNIT_ALL =	$(wildcard t/unit/test_*.c)
UNIT_SRC =	$(if $(T),$(wildcard t/unit/test_$(T:test_%=%).c),$(UNIT_ALL))
UNIT_AID =	$(filter-out $(UNIT_ALL),$(wildcard t/unit/*.c))
UNIT_DIR =	$(BUILD)/unit
UNIT_CFLAGS =	-O1 -g $(SANITIZE)
UNIT =		$(UNIT_SRC:t/unit/%.c=$(UNIT_DIR)/%)
UNIT_O =	$(UNIT_AID:%.c=$(UNIT_DIR)/%.o) $(UNIT_DIR)/core.a

unit: $(UNIT)	## the core alone: unit tests and golden data
	cd $(UNIT_DIR) \
	&& CMOCKA_MESSAGE_OUTPUT=TAP prove --exec '' $(UNIT:$(UNIT_DIR)/%=./%)

golden: unit	## part of "unit"

.SECONDARY:	$(UNIT_SRC:%.c=$(UNIT_DIR)/%.o) $(UNIT_O) \
		$(CORE:%.c=$(UNIT_DIR)/%.o) $(CORE:%.c=$(BUILD)/fuzz/%.o)
$(UNIT_DIR)/src/core/%.o: src/core/%.c $(CORE_H)
	@mkdir -p $(@D)
	$(CC) $(CORE_WARN) $(CHECK) $(UNIT_CFLAGS) $(CORE_INCS) -c -o $@ $<

$(UNIT_DIR)/core.a: $(CORE:%.c=$(UNIT_DIR)/%.o)
	@rm -f $@
	ar rcs $@ $^

$(UNIT_DIR)/t/unit/%.o: t/unit/%.c $(CORE_H) $(wildcard t/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(UNIT_CFLAGS) -c -o $@ $<

$(UNIT_DIR)/%: $(UNIT_DIR)/t/unit/%.o $(UNIT_O)
	$(CC) $(UNIT_CFLAGS) -o $@ $^ -lcmocka -ljansson -lm

FUZZ_DIR =	$(BUILD)/fuzz
FUZZ_SRC =	$(if $(T),t/fuzz/fuzz_$(T:fuzz_%=%).c,$(wildcard t/fuzz/fuzz_*.c))
FUZZ_AID =	$(filter-out t/fuzz/fuzz_%,$(wildcard t/fuzz/*.c)) \
		$(wildcard t/unit/sched_*.c)
FUZZ =		$(FUZZ_SRC:t/fuzz/%.c=$(FUZZ_DIR)/%)

fuzz: $(FUZZ)	## SECS= seconds of libFuzzer for each target, or for T=
	tools/fuzz $(FUZZ_DIR) $(SECS) $(FUZZ)

fuzz-smoke: $(FUZZ)	## known crashes, seeds and a few seconds of fuzzing
	tools/fuzz $(FUZZ_DIR) 4 $(FUZZ)

FUZZ_CFLAGS =	-O1 -g -fsanitize=address,undefined \
		-fno-sanitize-recover=undefined

$(FUZZ_DIR)/%: t/fuzz/%.c $(FUZZ_AID) $(FUZZ_DIR)/core.a $(wildcard t/*/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(TEST_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ \
		$< $(FUZZ_AID) $(FUZZ_DIR)/core.a -ljansson -lm

$(FUZZ_DIR)/core.a: $(CORE:%.c=$(FUZZ_DIR)/%.o)
	@rm -f $@
	ar rcs $@ $^

$(FUZZ_DIR)/src/core/%.o: src/core/%.c $(CORE_H)
	@mkdir -p $(@D)
	$(CLANG) $(CORE_WARN) $(CHECK) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link \
		$(CORE_INCS) -c -o $@ $<

REPLAY =	$(FUZZ_SRC:t/fuzz/fuzz_%.c=$(BUILD)/replay/%)

fuzz-replay: $(REPLAY)	## seeds and known crashes with CC, without libFuzzer
	for f in $(REPLAY); do $$f $$(ls -d t/fuzz/seeds/$${f##*/} \
		t/fuzz/regress/$${f##*/} 2> /dev/null) || exit 1; done

$(BUILD)/replay/%: t/fuzz/fuzz_%.c $(FUZZ_AID) $(UNIT_DIR)/core.a \
		$(wildcard t/*/*.h)
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(UNIT_CFLAGS) -o $@ $< $(FUZZ_AID) \
		$(wildcard t/fuzz/replay/*.c) $(UNIT_DIR)/core.a -ljansson -lm

SIM_SRC =	$(wildcard t/sim/*.c) $(wildcard t/unit/sched_check*.c)

sim: $(BUILD)/sim/sim	## discrete-event simulation of the core, SEED=
	SEED=$(SEED) $(BUILD)/sim/sim

$(BUILD)/sim/sim: $(SIM_SRC) $(wildcard t/sim/*.h) $(CORE) $(CORE_H)
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -O2 -g -o $@ $(SIM_SRC) $(CORE) -lm

SIMULATOR =	$(BUILD)/llm-batch-sim
SIMULATOR_DIR =	$(BUILD)/simulator
SIMULATOR_O =	$(patsubst %.c,$(SIMULATOR_DIR)/%.o,\
		$(wildcard simulator/*.c) $(CORE))

llm-batch-sim: $(SIMULATOR)	## the simulator for operators; prints where it is
	@echo "$(SIMULATOR)"

# tests that run side by side may build it, too
$(SIMULATOR): $(SIMULATOR_O)
	$(CC) -o $@.$$$$ $^ -ljansson -lm && mv $@.$$$$ $@

$(SIMULATOR_DIR)/%.o: %.c $(wildcard simulator/*.h) $(CORE_H)
	@mkdir -p $(@D)
	$(CC) $(WARN) -D_GNU_SOURCE $(CORE_INCS) -O2 -g -c -o $@.$$$$ $< \
		&& mv $@.$$$$ $@

# the settings, and the upstream, of the load curve
CURVE =		--cost 3.15+0.62n --jitter 10% --parallel 1 --max-size 32 \
		--generate poisson --seconds 60 \
		--rate 20,50,100,200,400,600,800,1000,1200 --compare none slot \
		'window=fixed max_wait=2' 'window=fixed max_wait=5' \
		'window=fixed max_wait=10' 'window=fixed max_wait=20' \
		'window=fixed max_wait=50'

curve: $(SIMULATOR)	## slot against fixed windows: docs/load-curve.svg, .txt
	$(SIMULATOR) --plot docs/load-curve.svg $(CURVE) > docs/load-curve.txt
	@cat docs/load-curve.txt

# an upstream far away, from loads at which nothing meets to those at which all
# does
FRONTIER =	--cost 180+0.6n --parallel unlimited --max-size 64 \
		--generate poisson --seconds 60 --rate 20,50,200,500

frontier: $(SIMULATOR)	## calls against added latency: docs/frontier.svg, .txt
	$(SIMULATOR) --frontier docs/frontier.svg $(FRONTIER) > docs/frontier.txt
	@cat docs/frontier.txt

model:		## spin checks the life cycle of a batch
	tools/model $(BUILD)/model $(wildcard t/model/*.pml)

# a test that hangs is red, too
PROVE =		timeout -v $(LIMIT) prove -It/lib
LIMIT =		900

PROVE_T =	TEST_NGINX_BINARY=$(NGINX) TEST_NGINX_MODULE=$(MODULE) \
		TEST_NGINX_INJECT=$(INJECT) $(PROVE) -j$(JOBS)
TESTS =		$(if $(T),t/$(T:%.t=%).t,$(wildcard t/*.t))

# loaded before libc, has its calls fail; not with sanitizers
INJECT =	$(BUILD)/inject.so

$(INJECT): t/inject/inject.c
	@mkdir -p $(@D)
	$(CC) $(WARN) -O2 -g -fPIC -shared -o $@.$$$$ $< -ldl && mv $@.$$$$ $@

t: $(MODULE) $(SIMULATOR) $(INJECT)	## the module in a real nginx, with prove
	$(PROVE_T) $(TESTS)

chaos:		## kills, reloads and upgrades under load, with crash points
	$(MAKE) --no-print-directory t VARIANT=check \
		TESTS="$(or $(T:%=t/%.t),$(wildcard t/chaos*.t))"

faults:		## planted bugs, each of which has to turn its test red
	tools/faults $(BUILD)/faults \
		$(or $(T:%=t/faults/%.edit),$(wildcard t/faults/*.edit))

ASAN_DIR =	$(BUILD)/asan-$(NGINX_VERSION)
# nginx itself shifts into signs, and more
ASAN_CFLAGS =	-O1 -g $(SANITIZE) \
		-fno-sanitize=nonnull-attribute,alignment,shift-base \
		-DNGX_DEBUG_PALLOC=1 -DNGX_DEBUG_MALLOC=1 \
		-DLLMB_CRASH_POINTS=1 -DLLMB_CHECK=1

asan: $(SIMULATOR)	## the same tests on an nginx built with ASan and UBSan
	tools/build-nginx $(NGINX_VERSION) $(CURDIR) $(ASAN_DIR) $(CC) \
		"$(ASAN_CFLAGS)" "$(SANITIZE)"
	TEST_NGINX_SANITIZER=1 TEST_NGINX_BINARY=$(ASAN_DIR)/nginx \
		TEST_NGINX_MODULE= LLMB_SLOW=3 \
		LSAN_OPTIONS=suppressions=$(CURDIR)/t/lsan.supp:print_suppressions=0 \
		$(PROVE) -j$(JOBS) $(TESTS)

docs-install: LIMIT =	3600
docs-install:	## README.md, word by word, in a new Debian; by root
	TEST_NGINX_BINARY=$(NGINX) $(PROVE) t/docs/install.t

NGINX_TESTS =	nginx-tests

nginx-tests: $(MODULE)	## nginx's own suite, NGINX_TESTS= is where it is
	tools/nginx-tests $(BUILD)/nginx-tests $(NGINX) $(MODULE) "$(NGINX_TESTS)"

VALGRIND_T =	$(addprefix t/,merge_openai.t key_separation.t fail_poison.t \
		fail_answer.t)

valgrind: $(MODULE)	## memcheck on a few of the tests
	tools/valgrind-nginx $(BUILD)/valgrind $(NGINX)
	TEST_NGINX_BINARY=$(BUILD)/valgrind/nginx TEST_NGINX_MODULE=$(MODULE) \
		LLMB_SLOW=10 $(PROVE) $(if $(T),$(TESTS),$(VALGRIND_T))
	! cat $(BUILD)/valgrind/log.* | grep .

coverage:	## lines run by the unit tests (core) and all tests (module)
	rm -rf $(BUILD)/coverage
	$(MAKE) --no-print-directory unit UNIT_DIR=$(BUILD)/coverage/unit \
		UNIT_CFLAGS="-O0 -g --coverage"
	gcovr -r . -f src/core $(BUILD)/coverage/unit --fail-under-line 95

coverage-module:	## the same of the glue, from the integration tests
	find $(BUILD) -path '*module-coverage*' -name '*.gcda' -delete
	-$(MAKE) --no-print-directory t VARIANT=coverage
	gcovr -r . -f src -f ngx_http_llm_batch_module.c \
		$(BUILD)/module-coverage-$(notdir $(CC))


#
# style, measurements
#

states:		## the life of members and calls, as in HACKING.md
	@tools/states

lint:		## layers, style, lists and documentation
	@tools/lint $(BUILD)/lint

BENCH_DIR =	$(BUILD)/bench

bench: $(MODULE) $(BENCH_DIR)/backend $(BENCH_DIR)/load	## against proxy_pass
	bench/run $(BENCH_DIR) $(NGINX) $(MODULE)

bench-curve: $(MODULE) $(BENCH_DIR)/backend $(BENCH_DIR)/open	## latency and calls at rising load
	bench/curve $(BENCH_DIR) $(NGINX) $(MODULE)

bench-scheduler: $(MODULE) $(BENCH_DIR)/load	## what the scheduler promises
	bench/scheduler $(BENCH_DIR) $(NGINX) $(MODULE) $(SIMULATOR)

bench-scheduler: $(BENCH_DIR)/backend $(BENCH_DIR)/open $(SIMULATOR)

bench-lock:	## how long the lock is waited for and held
	$(MAKE) --no-print-directory bench-lock-run VARIANT=times

bench-lock-run: $(MODULE) $(BENCH_DIR)/backend $(BENCH_DIR)/open \
		$(BENCH_DIR)/load
	bench/lock $(BENCH_DIR) $(NGINX) $(MODULE)

bench-instructions: $(MODULE)	## instructions of a request by its way, bounded
	bench/instructions $(NGINX) $(MODULE)

bench-hostile: $(MODULE) $(BENCH_DIR)/vectors	## large arrays, and clients that do not read
	bench/hostile $(BENCH_DIR) $(NGINX) $(MODULE)

$(BENCH_DIR)/%: bench/%.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -g -o $@ $< -lm

BENCH_CORE =	$(if $(T),bench/core_$(T:core_%=%).c,$(wildcard bench/core_*.c))

bench-core: $(BENCH_CORE:bench/%.c=$(BENCH_DIR)/core/%)	## the core alone, T=
	for f in $^; do $$f || exit 1; done

$(BENCH_DIR)/core/%: bench/%.c $(CORE) $(CORE_H)
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -O2 -g -o $@ $< $(CORE) -ljansson -lm

# the value of a variable, for scripts
print-%:
	@echo "$($*)"

clean:		## removes what was built for this tree
	rm -rf $(BUILD)

FORCE:

.PHONY:		all help module static compile test unit golden fuzz \
		fuzz-smoke fuzz-replay sim llm-batch-sim curve frontier model t chaos \
		faults asan valgrind coverage coverage-module states lint \
		bench bench-core bench-curve bench-hostile \
		bench-instructions bench-lock bench-lock-run bench-scheduler \
		docs-install nginx-tests clean
