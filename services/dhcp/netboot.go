package dhcp

import (
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// addNetboot adds what the client's boot stage needs.
//
// Root path and initiator name go to iPXE and to whatever runs after it, asked for
// or not: iPXE makes the iBFT from them, an initramfs finds its root by them, and
// UEFI's iSCSI driver refuses an offer without a root path. A PXE ROM has no use
// for them and little room; it gets the one file it can run.
func (s *Server) addNetboot(n *Netboot, out *Outcome) {
	switch out.Stage {
	case StagePXE:
		s.addPXE(n, out)
		return
	case StageHTTP:
		s.addHTTP(n, out)
		return
	case StageHBA:
		s.addHBA(n, out)
	case StageIPXE:
		s.setFile(n.Script, out)
	}
	// klibc takes its boot server from siaddr, iPXE that of a file name without one.
	s.out.SIAddr = n.Server
	s.addText(packet.OptionRootPath, n.RootPath)
	s.addText(packet.OptionInitiatorIQN, n.Initiator)
}

// addPXE tells a ROM where to get its file. siaddr and the header field are what
// ROMs use; 66 and 67 say the same to those that look there. A Raspberry Pi and U-Boot
// know the names of files themselves, and of the server in one of the two ways; other
// ROMs go on to the next device when they are told of no file.
func (s *Server) addPXE(n *Netboot, out *Outcome) {
	if file := n.file(out.Arch); file != "" {
		s.setFile(file, out)
	} else {
		out.Reason += "; no boot file for " + out.Arch.String()
	}
	if n.Server.IsValid() {
		s.out.SIAddr = n.Server
		s.addText(packet.OptionTFTPServer, n.Server.String())
	}
}

// addHTTP tells UEFI firmware its URI. Without the vendor class the firmware would
// take the offer for one that is not about booting.
func (s *Server) addHTTP(n *Netboot, out *Outcome) {
	plain, _ := out.Arch.overHTTP()
	file, ok := n.Files[out.Arch]
	if !ok {
		file = n.file(plain)
	}
	if file != "" && !strings.Contains(file, "://") {
		if n.HTTP == "" {
			file = ""
		} else {
			file = n.HTTP + file
		}
	}
	if file == "" {
		out.Reason += "; no boot URI for " + out.Arch.String()
		return
	}
	s.addText(packet.OptionVendorClass, httpClient)
	s.setFile(file, out)
}

// Sub-options of option 43 that iSCSI adapters read, in the syntax of RFC 4173.
const (
	hbaTarget    = 201
	hbaTarget2   = 202
	hbaInitiator = 203
)

// addHBA tells an adapter its targets and its name. It takes them only from an
// offer whose vendor class is its own, and reads one option 43 of 255 bytes; what
// does not fit is said elsewhere too.
func (s *Server) addHBA(n *Netboot, out *Outcome) {
	s.echo(packet.OptionVendorClass)
	start := len(s.scratch.texts)
	b := s.scratch.texts
	for _, o := range [...]struct {
		code  uint8
		value string
	}{{hbaTarget, n.RootPath}, {hbaInitiator, n.Initiator}, {hbaTarget2, n.RootPath2}} {
		if o.value == "" {
			continue
		}
		if len(b)-start+2+len(o.value) > maxOption {
			out.Reason += "; no room in option 43 for " + o.value
			continue
		}
		b = append(append(b, o.code, byte(len(o.value))), o.value...)
	}
	s.scratch.texts = b
	if len(b) > start {
		s.add(packet.Option{Code: packet.OptionVendorInfo, Data: b[start:len(b):len(b)]})
	}
}

// setFile names the boot file in option 67 and, if it is short enough, in the header.
func (s *Server) setFile(file string, out *Outcome) {
	out.File = file
	s.addText(packet.OptionBootFile, file)
	if len(file) <= packet.MaxFile {
		s.out.File = append(s.out.File[:0], file...)
	}
}
