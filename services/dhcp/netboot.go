package dhcp

import "github.com/gatehouse-os/gatehouse/services/dhcp/packet"

// noProxyDHCP is option 175 with sub-option 176, no-pxedhcp, set: iPXE then does
// not wait two seconds for a ProxyDHCP server.
const noProxyDHCP = "\xb0\x01\x01"

// addHost adds what a host of the site is told beyond its LAN: its name, and what
// its boot stage needs.
//
// Root path and initiator name go to iPXE and to whatever runs after it, asked for
// or not: iPXE makes the iBFT from them, an initramfs finds its root by them. A PXE
// ROM has no use for them and little room; it gets the one file it can run.
func (s *Server) addHost(h *Host, out *Outcome) {
	s.addText(packet.OptionHostName, h.Name)
	n := h.Netboot
	if n == nil {
		return
	}
	switch out.Stage {
	case StagePXE:
		s.addPXE(n, out)
		return
	case StageIPXE:
		s.addText(packet.OptionEtherboot, noProxyDHCP)
		s.setFile(n.Script, out)
	}
	// klibc takes its boot server from siaddr, iPXE that of a file name without one.
	s.out.SIAddr = n.Server
	s.addText(packet.OptionRootPath, n.RootPath)
	s.addText(packet.OptionInitiatorIQN, n.Initiator)
}

// addPXE tells a ROM where to get its file. siaddr and the header field are what
// ROMs use; 66 and 67 say the same to those that look there.
func (s *Server) addPXE(n *Netboot, out *Outcome) {
	file := n.file(archOf(&s.in))
	if file == "" {
		out.Reason += "; no boot file for its architecture"
		return
	}
	s.setFile(file, out)
	if n.Server.IsValid() {
		s.out.SIAddr = n.Server
		s.addText(packet.OptionTFTPServer, n.Server.String())
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
