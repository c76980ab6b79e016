package machine

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Version is the version of the source that the program was built from.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	if data, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(data)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION="); ok {
				return strings.Trim(v, `"`)
			}
		}
	}
	return "unversioned"
}

// platform says what the machine is. Xen says so in /sys/hypervisor
// (Documentation/ABI/stable/sysfs-hypervisor-xen), other machines in their ACPI
// tables; the kernel has no DMI.
func platform(readFile func(string) ([]byte, error)) string {
	read := func(path string) string {
		data, err := readFile(path)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(data))
	}
	if read("/sys/hypervisor/type") == "xen" {
		return strings.TrimSpace("Xen " + read("/sys/hypervisor/guest_type"))
	}
	// The maker of the ACPI tables, in bytes 10 to 15 of each (ACPI 6.5, 5.2.6).
	const maker, makerEnd = 10, 16
	if table := read("/sys/firmware/acpi/tables/FACP"); len(table) >= makerEnd {
		if name := strings.TrimRight(table[maker:makerEnd], " \x00"); name != "BOCHS" {
			return name
		}
		return "QEMU"
	}
	return "unknown machine"
}

// parseMemory reads /proc/meminfo (proc(5)), whose kB are units of 1024 bytes.
func parseMemory(text string) (m Memory, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, err := strconv.ParseUint(fields[1], 10, 54)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			m.Total = kib << 10
		case "MemAvailable:":
			m.Available = kib << 10
		}
	}
	if m.Total == 0 {
		return m, errors.New("no MemTotal")
	}
	return m, nil
}

// parseUptime reads /proc/uptime, whose first number is CLOCK_BOOTTIME in seconds.
func parseUptime(text string) (time.Duration, error) {
	first, _, _ := strings.Cut(text, " ")
	return time.ParseDuration(strings.TrimSpace(first) + "s")
}

// parseLoad reads /proc/loadavg.
func parseLoad(text string) (load [3]float64, err error) {
	_, err = fmt.Sscan(text, &load[0], &load[1], &load[2])
	return load, err
}
