package proc

import (
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// A Socket is one of the network namespace that one is in.
type Socket struct {
	Protocol      string   // TCP, UDP, UDPLITE, raw, unix
	Local, Remote Endpoint // of IP; else without an address
	State         string   // of TCP: LISTEN, ESTABLISHED, …; of unix what lsof says
	Path          string   // of unix
	Kind          string   // of unix: STREAM, DGRAM, SEQPACKET
	Address       uint64   // of unix, in the kernel
}

// tcpStates are those of the kernel (net/tcp_states.h), by their numbers.
const tcpStates = " ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING NEW_SYN_RECV"

// Sockets are those of IP and of the machine itself, by their inodes. What the kernel does not have is not
// there.
func Sockets(fsys fs.FS) map[uint64]Socket {
	all := map[uint64]Socket{}
	for file, protocol := range map[string]string{
		"tcp": "TCP", "tcp6": "TCP", "udp": "UDP", "udp6": "UDP", "udplite": "UDPLITE", "udplite6": "UDPLITE",
	} {
		if text, err := fs.ReadFile(fsys, path.Join("self/net", file)); err == nil {
			ipSockets(all, string(text), protocol)
		}
	}
	if text, err := fs.ReadFile(fsys, "self/net/unix"); err == nil {
		unixSockets(all, string(text))
	}
	return all
}

// ipSockets reads lines of /proc/net/tcp and its like.
func ipSockets(all map[uint64]Socket, text, protocol string) {
	for line := range strings.Lines(text) {
		// sl local remote state queues timer retransmissions uid timeout inode …
		words := strings.Fields(line)
		if len(words) < 10 || !strings.HasSuffix(words[0], ":") {
			continue
		}
		local, ok := parseEndpoint(words[1])
		remote, ok2 := parseEndpoint(words[2])
		state, err := strconv.ParseUint(words[3], 16, 8)
		inode, err2 := strconv.ParseUint(words[9], 10, 64)
		if !ok || !ok2 || err != nil || err2 != nil || inode == 0 {
			continue
		}
		s := Socket{Protocol: protocol, Local: local, Remote: remote}
		if names := strings.Split(tcpStates, " "); protocol == "TCP" && int(state) < len(names) {
			s.State = names[state]
		}
		all[inode] = s
	}
}

// parseEndpoint reads an address as the kernel writes it: words of 32 bits in the order of the machine, and a
// port.
func parseEndpoint(s string) (Endpoint, bool) {
	address, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(address)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(b) != 4 && len(b) != 16 {
		return Endpoint{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	return Endpoint{b, int(p)}, true
}

// unixSockets reads /proc/net/unix.
func unixSockets(all map[uint64]Socket, text string) {
	const listens = 0x10000 // __SO_ACCEPTCON of linux/net.h
	kinds := []string{"", "STREAM", "DGRAM", "", "", "SEQPACKET"}
	states := []string{"FREE", "UNCONNECTED", "CONNECTING", "CONNECTED", "DISCONNECTING"} // linux/net.h
	for line := range strings.Lines(text) {
		// Num RefCount Protocol Flags Type St Inode Path
		words := strings.SplitN(strings.Join(strings.Fields(line), " "), " ", 8)
		if len(words) < 7 || !strings.HasSuffix(words[0], ":") {
			continue
		}
		s := Socket{Protocol: "unix"}
		var err error
		s.Address, err = strconv.ParseUint(strings.TrimSuffix(words[0], ":"), 16, 64)
		flags, err2 := strconv.ParseUint(words[3], 16, 32)
		kind, err3 := strconv.ParseUint(words[4], 16, 16)
		state, err4 := strconv.ParseUint(words[5], 16, 8)
		inode, err5 := strconv.ParseUint(words[6], 10, 64)
		if err != nil || err2 != nil || err3 != nil || err4 != nil || err5 != nil {
			continue
		}
		if int(kind) < len(kinds) {
			s.Kind = kinds[kind]
		}
		switch {
		case flags&listens != 0:
			s.State = "LISTEN"
		case int(state) < len(states):
			s.State = states[state]
		}
		if len(words) == 8 {
			s.Path = words[7]
		}
		all[inode] = s
	}
}
