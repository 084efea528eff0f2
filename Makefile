# SPDX-License-Identifier: GPL-2.0-or-later
# Two commands for a fresh Debian 12, as root or with sudo:
#   make run     build, then show what this host does with Suppress EOI Broadcast
#   make check   build, then all tests
# Everything else is meson's (./configure, ninja -C build, meson test -C build).

BUILD ?= build
NINJA ?= ninja
MESON_TEST ?= meson test -C $(BUILD) --print-errorlogs --no-rebuild

.PHONY: all run check check-sanitizers check-clang clean install deps-build deps-check

all: deps-build $(BUILD)/build.ninja
	$(NINJA) -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) $(if $(CI),-Dwerror=true)

deps-build:
	@scripts/install-deps.sh build

deps-check:
	@scripts/install-deps.sh check

run: all
	scripts/eoi-check --accept-fallback --qemu $(BUILD)/qemu-system-x86_64 || test $$? = 77

check: deps-check all
	$(MESON_TEST)
	$(MAKE) check-sanitizers check-clang

# The unit suite again under ASan and UBSan, and what QMP clients can send. Builds no more than that.
check-sanitizers: deps-check
	test -f $(BUILD)-asan/build.ninja || meson setup $(BUILD)-asan -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false
	meson test -C $(BUILD)-asan --print-errorlogs --suite unit --suite sanitize

# Clean under clang as well; the fuzz targets are clang's.
check-clang: deps-check
	test -f $(BUILD)-clang/build.ninja || CC=clang meson setup $(BUILD)-clang -Dwerror=true
	$(NINJA) -C $(BUILD)-clang
	meson test -C $(BUILD)-clang --print-errorlogs --no-rebuild --suite fuzz

install: all
	$(NINJA) -C $(BUILD) install

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang
