package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
)

// kernelHelper is the only program that the kernel starts by itself, whatever it is about to start
// (CONFIG_STATIC_USERMODEHELPER_PATH). What that was is what it is called by, the first of its arguments.
const kernelHelper = "/sbin/usermode-helper"

// startedByKernel tells whether this process was started as the kernel's helper. A process is named after the
// file that it was started from, so what it is called by has no part in it.
func startedByKernel() bool {
	name, err := os.ReadFile("/proc/self/comm")
	return err == nil && strings.TrimSuffix(string(name), "\n") == filepath.Base(kernelHelper)
}

// helpKernel does what the kernel wants: to end the machine, when Xen or a device asks for it. The kernel has
// nothing else to start, so who has made it want another program is not obeyed. The result is the exit
// status.
func helpKernel(wanted string, request func(boot.Kind) error, log io.Writer) int {
	kind, ok := map[string]boot.Kind{"/sbin/poweroff": boot.PowerOff, "/sbin/reboot": boot.Reboot}[wanted]
	if !ok {
		fmt.Fprintf(log, "<3>gatehouse: the kernel wanted to start %.100q, which was refused\n", wanted)
		return 1
	}
	if err := request(kind); err != nil {
		fmt.Fprintf(log, "<3>gatehouse: %v\n", err)
		return 1
	}
	return 0
}

// kernelLog is where words about the kernel go; the kernel gives its helper no standard error.
func kernelLog() io.Writer {
	log, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		return io.Discard
	}
	return log
}
