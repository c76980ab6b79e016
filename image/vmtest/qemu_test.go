package vmtest

import (
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	common := "-nodefaults -no-user-config -display none -accel tcg"
	tests := []struct {
		name    string
		machine Machine
		want    string
	}{
		{
			name: "the appliance: kernel and disks from outside, no ROM on its cards",
			machine: Machine{
				Name: "firewall", Kernel: "vmlinuz", Append: "root=/dev/vda ro", MemoryMB: 96,
				Disks: []Disk{{Path: "root"}, {Path: "perm", Snapshot: true, Sector: 4096}},
				NICs:  []NIC{{MAC: "00:16:3e:00:00:01", Port: Port{kind: "tap"}}, {MAC: "00:16:3e:00:00:02", Port: Port{kind: "dgram"}}},
			},
			want: common + ` -cpu max -m 96 -smp 1,maxcpus=2
				-serial stdio -qmp unix:QMP,server=on,wait=off -name firewall
				-machine q35 -kernel vmlinuz -append root=/dev/vda ro
				-drive if=none,id=disk0,format=raw,cache=writeback,file=root -device virtio-blk-pci,drive=disk0
				-drive if=none,id=disk1,format=raw,cache=writeback,file=perm,snapshot=on
				-device virtio-blk-pci,drive=disk1,logical_block_size=4096,physical_block_size=4096
				-netdev tap,id=net0,fd=3 -device virtio-net-pci,netdev=net0,mac=00:16:3e:00:00:01,romfile=
				-netdev dgram,id=net1,local.type=fd,local.str=4 -device virtio-net-pci,netdev=net1,mac=00:16:3e:00:00:02,romfile=`,
		},
		{
			name: "a host that boots from its first card",
			machine: Machine{
				Name: "web1", MemoryMB: 512, CPUs: 2, CPU: "Nehalem", Firmware: true, Watchdog: true, Clock: "2099-01-01T00:00:00",
				NICs: []NIC{{MAC: "00:16:3e:00:00:01", Port: Port{kind: "tap"}}},
			},
			want: common + ` -cpu Nehalem -m 512 -smp 2,maxcpus=2
				-serial stdio -qmp unix:QMP,server=on,wait=off -name web1
				-machine pc,graphics=off -rtc base=2099-01-01T00:00:00 -device i6300esb -action watchdog=reset
				-netdev tap,id=net0,fd=3 -device virtio-net-pci,netdev=net0,mac=00:16:3e:00:00:01,bootindex=1`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(arguments(test.machine, "QMP"), " ")
			if want := strings.Join(strings.Fields(test.want), " "); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
