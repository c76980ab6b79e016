package dhcp

import (
	"encoding/binary"
	"fmt"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// Arch is the client system architecture type, option 93: RFC 4578 2.1 and the
// IANA registry "Processor Architecture Types".
type Arch uint16

// Architectures that machines boot from the network with. Files may be named for any other.
const (
	ArchBIOS        Arch = 0
	ArchUEFI32      Arch = 6
	ArchUEFI        Arch = 7 // x86-64
	ArchUEFIBC      Arch = 9 // "EFI BC", which x86-64 firmware sends too
	ArchUEFIARM32   Arch = 10
	ArchUEFIARM     Arch = 11 // 64-bit
	ArchUBootARM32  Arch = 21
	ArchUBootARM64  Arch = 22
	ArchUEFIRISCV64 Arch = 27
	ArchUEFILoong64 Arch = 39
	ArchRaspberryPi Arch = 41 // its own boot loader, which says 0 in IPv4 as of 2024
)

// overHTTP returns the architecture whose type a is when it boots over HTTP.
func (a Arch) overHTTP() (plain Arch, ok bool) {
	switch {
	case a == 20:
		return ArchBIOS, true
	case a == 15 || a == 16: // 6 and 7
		return a - 9, true
	case a >= 17 && a <= 19: // 9 to 11
		return a - 8, true
	case a == 23 || a == 24: // 21 and 22
		return a - 2, true
	case a == 26 || a == 28 || a == 30 || a == 38 || a == 40:
		return a - 1, true
	}
	return a, false
}

// String returns what people call the architecture.
func (a Arch) String() string {
	plain, http := a.overHTTP()
	name := map[Arch]string{
		ArchBIOS: "BIOS", ArchUEFI32: "IA32 UEFI", ArchUEFI: "x86-64 UEFI", ArchUEFIBC: "x86-64 UEFI",
		ArchUEFIARM32: "ARM32 UEFI", ArchUEFIARM: "ARM64 UEFI", ArchUBootARM32: "ARM32 U-Boot",
		ArchUBootARM64: "ARM64 U-Boot", 25: "RISC-V 32 UEFI", ArchUEFIRISCV64: "RISC-V 64 UEFI",
		ArchUEFILoong64: "LoongArch64 UEFI", ArchRaspberryPi: "Raspberry Pi",
	}[plain]
	switch {
	case name == "":
		return fmt.Sprintf("architecture %d", uint16(a))
	case http:
		return name + " over HTTP"
	}
	return name
}

// archOf returns the first architecture the client names, BIOS if it names none.
func archOf(p *packet.Packet) Arch {
	if b := p.Option(packet.OptionClientArch); len(b) >= 2 {
		return Arch(binary.BigEndian.Uint16(b))
	}
	return ArchBIOS
}

// OverHTTP reports whether firmware of the architecture boots by a URI.
func (a Arch) OverHTTP() bool {
	_, http := a.overHTTP()
	return http
}

// hasFile reports whether there is a file for any architecture.
func (n *Netboot) hasFile() bool {
	return n.BIOS+n.UEFI+n.UEFIARM64 != "" || len(n.Files) > 0
}

// file returns the boot file for an architecture; empty: there is none for it.
func (n *Netboot) file(a Arch) string {
	if f, ok := n.Files[a]; ok {
		return f
	}
	switch a {
	case ArchBIOS:
		return n.BIOS
	case ArchUEFI:
		return n.UEFI
	case ArchUEFIBC:
		return n.file(ArchUEFI)
	case ArchUEFIARM:
		return n.UEFIARM64
	}
	return ""
}
