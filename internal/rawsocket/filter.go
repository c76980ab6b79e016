package rawsocket

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A Filter is a program that the kernel runs on each packet: it keeps what one of its
// Accepts is true of, and drops what is not. Offsets are from the network header.
type Filter []bpf.Instruction

// keep is how much of a packet is kept: all.
const keep = 1 << 16

// OfLink begins the filter of a socket on a link, with what arrived on that very link
// for this host. Packets of a VLAN reach the sockets of the link below it too, with
// their tag taken off: those of a VLAN that is a link by itself, under its index; and
// those of others as if they were for another host. VLAN 0 is no VLAN, only a priority
// (IEEE 802.1Q 9.6).
func OfLink(ifindex int) Filter {
	return Filter{}.
		Unless(bpf.LoadExtension{Num: bpf.ExtInterfaceIndex}, uint32(ifindex)).
		Drop(bpf.LoadExtension{Num: bpf.ExtType}, unix.PACKET_OTHERHOST)
}

// Unless drops what has not this value there.
func (f Filter) Unless(load bpf.Instruction, value uint32) Filter {
	return append(f, load, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: 1}, bpf.RetConstant{})
}

// Drop drops what has this value there.
func (f Filter) Drop(load bpf.Instruction, value uint32) Filter {
	return append(f, load, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: value, SkipTrue: 1}, bpf.RetConstant{})
}

// DropBits drops what has one of these bits there.
func (f Filter) DropBits(load bpf.Instruction, bits uint32) Filter {
	return append(f, load, bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: bits, SkipTrue: 1}, bpf.RetConstant{})
}

// Accept keeps what has this value there.
func (f Filter) Accept(load bpf.Instruction, value uint32) Filter {
	return append(f, load, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: value, SkipTrue: 1},
		bpf.RetConstant{Val: keep})
}

// AcceptAll keeps what has come so far.
func (f Filter) AcceptAll() Filter { return append(f, bpf.RetConstant{Val: keep}) }

// Attach sets the filter of a socket. Offsets of one that is not a packet socket are from where its own data
// begin.
func (f Filter) Attach(fd int) error {
	raw, err := bpf.Assemble(append(f, bpf.RetConstant{}))
	if err != nil {
		return err
	}
	program := make([]unix.SockFilter, len(raw))
	for i, p := range raw {
		program[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}
