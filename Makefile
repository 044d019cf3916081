#
# Everything is built outside the tree, in $(BUILD).  "make help" lists what
# there is to make.
#

CACHE =		$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/llm-batch
BUILD =		$(CACHE)/build$(CURDIR)

CC =		gcc
CLANG =		clang
NGINX =		/usr/sbin/nginx
NGINX_DEV =	/usr/share/nginx/src

# how the module is built: release, check (with crash points), coverage
VARIANT =	release

MODULE_DIR =	$(BUILD)/module-$(VARIANT)-$(notdir $(CC))
MODULE =	$(MODULE_DIR)/ngx_http_llm_batch_module.so

MODULE_CFLAGS_release =		-O2 -g
MODULE_CFLAGS_check =		-O1 -g -DNGX_HTTP_LLM_BATCH_CHECK=1
MODULE_CFLAGS_coverage =	-O0 -g --coverage -DNGX_HTTP_LLM_BATCH_CHECK=1
MODULE_LDFLAGS_coverage =	--coverage

SOURCES =	config $(wildcard ngx_http_llm_batch_module.c src/*.[ch] \
			src/core/*.[ch] src/core/adapters/*.[ch])

.PHONY:		all help module clean

all: module	## the dynamic module, as "module"

help:		## this list
	@grep -hE '^[a-z][a-z-]*:.*##' Makefile \
	| sed -e 's/:.*##/	/' | expand -t 16

module: $(MODULE)	## ngx_http_llm_batch_module.so for the nginx installed
	@echo "$(MODULE)"

# configured anew when the list of files has changed
$(MODULE_DIR)/sources: FORCE
	@mkdir -p $(@D)
	@echo "$(CC) $(NGINX_DEV) $(sort $(SOURCES))" | cmp -s - $@ \
	|| echo "$(CC) $(NGINX_DEV) $(sort $(SOURCES))" > $@

$(MODULE_DIR)/Makefile: $(MODULE_DIR)/sources config
	tools/configure-module "$(NGINX_DEV)" "$(CURDIR)" "$(@D)" "$(CC)" \
		"$(MODULE_CFLAGS_$(VARIANT)) $(MODULE_CFLAGS)" \
		"$(MODULE_LDFLAGS_$(VARIANT))"

$(MODULE): $(MODULE_DIR)/Makefile $(SOURCES)
	flock $(@D)/lock $(MAKE) --no-print-directory -f $(@D)/Makefile \
		-C $(NGINX_DEV) modules

clean:		## removes what was built for this tree
	rm -rf $(BUILD)

FORCE:
