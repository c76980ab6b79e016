package vmtest

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
)

// NIC is a virtio network card.
type NIC struct {
	MAC  string
	Port Port
}

// Port is what a card is plugged into: the far end of a Wire or a tap of a network. File is handed to QEMU.
type Port struct {
	File *os.File
	kind string // of QEMU's -netdev
}

// firstFD is the descriptor that QEMU sees the first of exec.Cmd's ExtraFiles as.
const firstFD = 3

// arguments are QEMU's for the machine; the cards' ports are descriptors from firstFD on.
func arguments(m Machine, qmpSocket string) []string {
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg", "-cpu", cmp.Or(m.CPU, "max"),
		"-m", strconv.Itoa(cmp.Or(m.MemoryMB, 128)), "-smp", processors(cmp.Or(m.CPUs, 1)),
		"-serial", "stdio", "-qmp", "unix:" + qmpSocket + ",server=on,wait=off",
		"-name", m.Name,
	}
	// QEMU's iPXE starts from a card of the old pc machine and did not from one of q35.
	machine := "q35"
	if m.Kernel == "" {
		machine = "pc"
	}
	if m.Firmware {
		machine += ",graphics=off" // SeaBIOS then talks on the serial port
	}
	args = append(args, "-machine", machine)
	for _, option := range [][2]string{{"-kernel", m.Kernel}, {"-initrd", m.Initrd}, {"-append", m.Append}} {
		if option[1] != "" {
			args = append(args, option[0], option[1])
		}
	}
	if m.Clock != "" {
		args = append(args, "-rtc", "base="+m.Clock)
	}
	if m.Watchdog {
		args = append(args, "-device", "i6300esb", "-action", "watchdog=reset")
	}
	for i, d := range m.Disks {
		args = append(args, diskArguments(i, d)...)
	}
	for i, n := range m.NICs {
		args = append(args, nicArguments(i, n, m.Kernel == "" && i == 0)...)
	}
	return args
}

// processors says how many there are, and that there could be two: TCG translates the barriers of a guest
// that never has more than one to nothing, and the devices, in another thread, then miss that a queue goes
// on. A card that stands still for ever was seen, in storms of packets.
func processors(n int) string { return fmt.Sprintf("%d,maxcpus=%d", n, max(n, 2)) }

// diskArguments plug in disk i. The cache mode is QEMU's own default, said because the power cuts depend on
// it: a flush of the guest is an fdatasync of the file.
func diskArguments(i int, d Disk) []string {
	device := []string{"-device", fmt.Sprintf("virtio-blk-pci,drive=disk%d", i)}
	if d.Sector != 0 {
		device[1] += fmt.Sprintf(",logical_block_size=%d,physical_block_size=%[1]d", d.Sector)
	}
	if d.Log != "" {
		return append([]string{
			"-blockdev", fmt.Sprintf("driver=file,node-name=file%d,filename=%s,cache.no-flush=on", i, d.Path),
			"-blockdev", fmt.Sprintf("driver=file,node-name=log%d,filename=%s,cache.no-flush=on", i, d.Log),
			"-blockdev", fmt.Sprintf("driver=blklogwrites,node-name=disk%d,file=file%[1]d,log=log%[1]d,log-sector-size=%d", i, sector),
		}, device...)
	}
	drive := fmt.Sprintf("if=none,id=disk%d,format=raw,cache=writeback,file=%s", i, d.Path)
	if d.Snapshot {
		drive += ",snapshot=on"
	}
	return append([]string{"-drive", drive}, device...)
}

// nicArguments plug in card i; only a card to boot from needs its ROM, which holds iPXE.
func nicArguments(i int, n NIC, boot bool) []string {
	netdev := fmt.Sprintf("tap,id=net%d,fd=%d", i, firstFD+i)
	if n.Port.kind == "dgram" {
		netdev = fmt.Sprintf("dgram,id=net%d,local.type=fd,local.str=%d", i, firstFD+i)
	}
	device := fmt.Sprintf("virtio-net-pci,netdev=net%d,mac=%s", i, n.MAC)
	if boot {
		device += ",bootindex=1"
	} else {
		device += ",romfile="
	}
	return []string{"-netdev", netdev, "-device", device}
}
