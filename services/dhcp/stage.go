package dhcp

import (
	"bytes"
	"encoding/binary"

	"github.com/gatehouse-os/gatehouse/services/dhcp/packet"
)

// Stage is which program of a machine is asking: on its way up a host that boots
// from the network asks three or four times.
type Stage uint8

// The stages.
const (
	// StageSystem is an initramfs, a running system, or a device: whatever is not below.
	StageSystem Stage = iota
	// StagePXE is the PXE ROM of a card or the PXE driver of UEFI firmware. It
	// fetches one file by TFTP.
	StagePXE
	// StageIPXE is iPXE. It attaches the iSCSI root and may run a script.
	StageIPXE
)

// String returns what the stage is called in listings.
func (s Stage) String() string {
	switch s {
	case StagePXE:
		return "PXE"
	case StageIPXE:
		return "iPXE"
	}
	return "system"
}

// Arch is the client system architecture type, option 93, RFC 4578 2.1 and the
// IANA registry "Processor Architecture Types".
type Arch uint16

// Architectures a boot file can be configured for.
const (
	ArchBIOS    Arch = 0
	ArchUEFI    Arch = 7 // x86-64
	ArchUEFIBC  Arch = 9 // "EFI BC", which x86-64 firmware sends too
	ArchUEFIARM Arch = 11
)

// stageOf tells the stage from what the client says of itself.
//
// iPXE sends 60 "PXEClient" too; it is known by option 175, which it always
// sends, or by its user class: the raw bytes, or the list of RFC 3004.
func stageOf(p *packet.Packet) Stage {
	if p.Option(packet.OptionEtherboot) != nil || isIPXE(p.Option(packet.OptionUserClass)) {
		return StageIPXE
	}
	if bytes.HasPrefix(p.Option(packet.OptionVendorClass), []byte("PXEClient")) {
		return StagePXE
	}
	return StageSystem
}

func isIPXE(userClass []byte) bool {
	want := []byte("iPXE")
	if bytes.Equal(userClass, want) {
		return true
	}
	for b := userClass; len(b) > 0 && len(b) > int(b[0]); b = b[1+int(b[0]):] {
		if bytes.Equal(b[1:1+int(b[0])], want) {
			return true
		}
	}
	return false
}

// archOf returns the first architecture the client names, BIOS if it names none.
func archOf(p *packet.Packet) Arch {
	if b := p.Option(packet.OptionClientArch); len(b) >= 2 {
		return Arch(binary.BigEndian.Uint16(b))
	}
	return ArchBIOS
}

// file returns the boot file for a PXE ROM; empty: there is none for it.
func (n *Netboot) file(a Arch) string {
	switch a {
	case ArchBIOS:
		return n.BIOS
	case ArchUEFI, ArchUEFIBC:
		return n.UEFI
	case ArchUEFIARM:
		return n.UEFIARM64
	}
	return ""
}
