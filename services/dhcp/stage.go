package dhcp

import (
	"bytes"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// Stage is which program of a machine is asking: on its way up a host that boots
// from the network asks three or four times.
type Stage uint8

// The stages.
const (
	// StageSystem is an initramfs, a running system, UEFI's own iSCSI driver, or a
	// device: whatever is not below.
	StageSystem Stage = iota
	// StagePXE is the PXE ROM of a card, the PXE driver of UEFI firmware, U-Boot, or the
	// boot loader of a Raspberry Pi. It fetches files by TFTP, of which it is told the first.
	StagePXE
	// StageIPXE is iPXE. It attaches the iSCSI root and may run a script.
	StageIPXE
	// StageHTTP is UEFI firmware that boots over HTTP. It fetches one URI.
	StageHTTP
	// StageHBA is an iSCSI host bus adapter. It attaches the iSCSI root by itself.
	StageHBA
	// StageCount is the number of stages.
	StageCount
)

// String returns what the stage is called in listings.
func (s Stage) String() string {
	names := [StageCount]string{
		StageSystem: "system", StagePXE: "PXE", StageIPXE: "iPXE", StageHTTP: "UEFI HTTP",
		StageHBA: "iSCSI adapter",
	}
	if s < StageCount {
		return names[s]
	}
	return "invalid"
}

// httpClient is the vendor class of UEFI HTTP boot. edk2 takes no offer without it.
const httpClient = "HTTPClient"

// stageOf tells the stage from what the client says of itself.
//
// iPXE sends 60 "PXEClient" too; it is known by option 175, which it always
// sends, or by its user class: the raw bytes, or the list of RFC 3004.
//
// U-Boot's class is its own ("U-Boot.armv8", and what boards make of it); when it looks
// for an EFI program it says PXEClient. A class of a user's own leaves the architecture.
func stageOf(p *packet.Packet) Stage {
	if p.Option(packet.OptionEtherboot) != nil || isIPXE(p.Option(packet.OptionUserClass)) {
		return StageIPXE
	}
	class := p.Option(packet.OptionVendorClass)
	for _, c := range [...]struct {
		prefix string
		stage  Stage
	}{
		{"PXEClient", StagePXE},
		{"U-Boot", StagePXE},
		{"U-boot", StagePXE},
		{httpClient, StageHTTP},
		{"BRCM ISAN", StageHBA}, // Broadcom NetXtreme II
		{"QLGC ISAN", StageHBA}, // QLogic and Marvell
	} {
		if len(class) >= len(c.prefix) && string(class[:len(c.prefix)]) == c.prefix {
			return c.stage
		}
	}
	switch archOf(p) {
	case ArchUBootARM32, ArchUBootARM64, ArchRaspberryPi:
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
