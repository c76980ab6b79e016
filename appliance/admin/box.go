package admin

import (
	"bufio"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
)

// Box is what process 1 answers to "box": the machine and how it started.
type Box struct {
	Name     string        `json:"name"`
	Version  string        `json:"version"`
	Kernel   string        `json:"kernel"`
	Platform string        `json:"platform"` // "Xen PVH", "QEMU"
	Uptime   time.Duration `json:"uptime"`   // ns
	Memory   Memory        `json:"memory"`
	Boot     boot.Report   `json:"boot"`
	// Watchdog is nil while nothing is guarded: no service runs that must answer.
	Watchdog *watchdog.Status `json:"watchdog,omitempty"`
	Site     box.Running      `json:"site"`
	Problems []string         `json:"problems,omitempty"` // of process 1: network, firewall, site
}

// Memory of the box in bytes.
type Memory struct {
	Total     uint64 `json:"total"`
	Available uint64 `json:"available"` // MemAvailable of proc(5)
}

// ReadBox fills in what the running kernel knows.
func ReadBox() Box {
	b := Box{Version: Version(), Platform: platform(os.ReadFile), Uptime: boot.Uptime()}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		b.Name, b.Kernel = unix.ByteSliceToString(u.Nodename[:]), "Linux "+unix.ByteSliceToString(u.Release[:])
	}
	b.Memory = memory()
	return b
}

// Version is the version of the source that the binary was built from.
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

// platform says what the box runs on. Xen says so in /sys/hypervisor
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

// memory reads /proc/meminfo (proc(5)), whose kB are units of 1024 bytes.
func memory() Memory {
	var m Memory
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return m
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		fields := strings.Fields(in.Text())
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
	return m
}
