# Gatehouse: a site directory becomes a router. `make help` says what there is.
SITE       ?= examples/home
OUT        ?= build
DISK       ?=
KERNEL     ?=
KERNEL_SRC ?=
BOOT       ?=
PORT       ?=
SECTOR     ?=
HOST       ?=
SSH        ?= ssh
WITHIN     ?= 60s
MESSAGE    ?=
STRICT     ?=
FUZZTIME   ?= 1m
FUZZ       ?=

# Go where its own instructions put it, and the programs of administrators, for shells (and sudo) that do not know.
export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin
# A clone of somebody else's is built too: nothing that is built says which commit it is of.
export GOFLAGS := -buildvcs=false $(shell PATH='$(PATH)' go env GOFLAGS 2>/dev/null)

# A program of the project, run by itself: go run would add "exit status 1" to what it says.
PROGRAM = go build -o '$(OUT)/programs/' ./$(1) && '$(OUT)/programs/$(notdir $(1))'
MKIMAGE = $(call PROGRAM,image/cmd/mkimage) -site '$(SITE)'$(if $(STRICT), -strict)
BUILD   = $(if $(BOOT),-boot '$(BOOT)') $(if $(DISK),-disk '$(DISK)') $(if $(SECTOR),-sector '$(SECTOR)') $(if $(KERNEL),-kernel '$(KERNEL)') $(if $(KERNEL_SRC),-kernel-src '$(KERNEL_SRC)')

.PHONY: help image run push check test test-xen fuzz bench clean
help:
	@echo 'make image [SITE=dir]   the site as a disk and a kernel: $(OUT)/firewall.ext2, $(OUT)/vmlinuz, $(OUT)/firewall.cfg'
	@echo '                        DISK=64M a larger disk, KERNEL=bzImage a ready kernel, KERNEL_SRC=tree-or-tarball,'
	@echo '                        BOOT=grub the kernel on the disk too, for pygrub or GRUB for Xen,'
	@echo '                        SECTOR=4096 for disks whose sectors have 4096 bytes'
	@echo 'make run   [SITE=dir]   start it in QEMU, whose networks lead nowhere; PORT=2222 of the loopback leads to its'
	@echo '                        ssh; Ctrl-A x ends it'
	@echo 'make push  HOST=addr    make a running appliance the site: shows the change, applies it, confirms it over a new'
	@echo '                        connection within WITHIN=60s, else it takes itself back; MESSAGE=… says what it is'
	@echo '                        for, SSH=… how ssh is called; HOST=run is what make run has started'
	@echo 'make check [SITE=dir]   validate a site and print what it means; STRICT=1, here and above: warnings are errors'
	@echo 'make test               every test, as root: unit, namespaces, the image in QEMU, a real netboot, and the'
	@echo '                        short list of steps on a Xen host'
	@echo 'make test-xen           all steps on a Xen host'
	@echo 'make fuzz               every fuzz target for FUZZTIME=1m; FUZZ=word: those whose package or name has it'
	@echo 'make bench              the comparison with peers'
	@echo 'make clean              remove $(OUT)'

image:
	@image/packages.sh image
	@$(MKIMAGE) -out '$(OUT)' $(BUILD)

run:
	@image/packages.sh run
	@mkdir -p '$(OUT)/run'
	@test -f '$(OUT)/run/key' || ssh-keygen -q -t ed25519 -N '' -C 'make run' -f '$(OUT)/run/key'
	@$(MKIMAGE) -out '$(OUT)/run' -authorized-keys '$(OUT)/run/key.pub' $(BUILD)
	@$(call PROGRAM,image/cmd/runimage) -site '$(SITE)' -dir '$(OUT)/run'$(if $(PORT), -ssh-port '$(PORT)')

# The machine of make run has a key and a port of its own.
RUNS = $(filter run,$(HOST))
# What the message says reaches no shell here.
push: export GATEHOUSE_MESSAGE = $(MESSAGE)
push:
	@$(call PROGRAM,appliance/cmd/push) -host '$(HOST)' -site '$(SITE)' -within '$(WITHIN)'$(if $(STRICT), -strict) -m "$$GATEHOUSE_MESSAGE" \
		-ssh '$(SSH)$(if $(RUNS), -F $(OUT)/run/ssh_config)' $(if $(RUNS),-authorized-keys '$(OUT)/run/key.pub')

check:
	@$(MKIMAGE) -check

# The parts of it, each with its time: .ci/parts.
test:
	@image/packages.sh test
	@.ci/parts

test-xen:
	@image/packages.sh test
	go test -count=1 -timeout 60m -v ./image/vmtest/dom0 -args -steps all

fuzz:
	@.ci/fuzz '$(FUZZTIME)' '$(FUZZ)'

bench:
	@image/packages.sh bench
	@go run ./bench/boot
	@go run ./bench/dhcp
	@go run ./bench/apply
	@go run ./bench/dns
	@go run ./bench/ra
	@go run ./bench/ntp
	@go run ./bench/ntpoffset
	@go run ./bench/firewall
	@go run ./bench/wan
	@go test -run '^$$' -bench . -benchtime 3x -timeout 60m ./bench/xen

clean:
	rm -rf '$(OUT)'
