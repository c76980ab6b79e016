package dhcp

import (
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

var update = flag.Bool("update", false, "write the answers into testdata/stages")

// TestStages has, in testdata/stages, the request of every program that asks on the
// way up of a host, and what web1 of the home site is answered. The requests are
// those of real programs, byte for byte but for the card and names of machines.
func TestStages(t *testing.T) {
	files, err := filepath.Glob("testdata/stages/*.txt")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			request, want, _ := strings.Cut(string(b), "\n\n")
			conf := bootable()
			prepare(&conf.Hosts[2], name)
			out := new(Outcome)
			newServer(t, conf).Handle(t0, 0, lease.MAC{}, parseRequest(t, strings.TrimSpace(request)), out)
			got := showAnswer(t, out)
			if *update {
				text := strings.TrimSpace(request) + "\n\n" + got
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("the answer is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// prepare makes web1 the host that a stage is about.
func prepare(h *Host, stage string) {
	switch {
	case strings.HasSuffix(stage, "-install"):
		h.Netboot.Install = true
	case strings.HasSuffix(stage, "-chap"):
		h.Netboot.CHAP = &CHAP{User: "web1", Secret: "secret-of-web1", TargetUser: "store", TargetSecret: "secret-of-store"}
	case strings.HasSuffix(stage, "-pi"):
		h.Netboot.BIOS = ""
		h.Options = []Option{{Code: 43, Data: []byte("\x06\x01\x03\x0a\x04\x00PXE\x09\x14\x00\x00\x11Raspberry Pi Boot\xff")}, {Code: 60, Data: []byte("PXEClient")}}
	}
}

// bootable is the home site with boot files for every architecture.
func bootable() Config {
	conf := home()
	n := conf.Hosts[2].Netboot
	n.HTTP = "http://192.168.32.10/"
	n.Files = map[Arch]string{ArchUEFI32: "ipxe-ia32.efi", ArchUEFIARM32: "ipxe-arm32.efi", ArchUEFIRISCV64: "ipxe-riscv64.efi", ArchUBootARM64: "u-boot.img"}
	n.RootPath2 = "iscsi:192.168.33.10:::1:iqn.2011-03.example.home:web1.root"
	return conf
}

// parseRequest builds a message of web1 from lines: flags and secs of the header,
// then the options, hex or quoted.
func parseRequest(t testing.TB, text string) []byte {
	t.Helper()
	b := make([]byte, 240)
	b[0], b[1], b[2] = packet.BootRequest, packet.Ethernet, 6
	copy(b[4:], "\x01\x02\x03\x04")
	copy(b[28:], web1[:])
	copy(b[236:], "\x63\x82\x53\x63")
	for line := range strings.SplitSeq(text, "\n") {
		key, value, _ := strings.Cut(line, " ")
		n, err := strconv.ParseUint(value, 16, 16)
		switch key {
		case "#":
			continue
		case "flags":
			binary.BigEndian.PutUint16(b[10:], uint16(n))
		case "secs":
			binary.BigEndian.PutUint16(b[8:], uint16(n))
		default:
			var code int
			if code, err = strconv.Atoi(key); err != nil {
				break
			}
			var data []byte
			if s, unquoted := strconv.Unquote(value); unquoted == nil {
				data = []byte(s)
			} else if data, err = hex.DecodeString(value); err != nil {
				break
			}
			b = append(append(b, byte(code), byte(len(data))), data...)
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return append(b, 255)
}

// showAnswer writes an answer as an engineer reads it.
func showAnswer(t *testing.T, out *Outcome) string {
	t.Helper()
	var p packet.Packet
	if err := p.Unmarshal(out.Reply); err != nil {
		t.Fatalf("no answer: %s (%v)", out.Reason, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "taken for %s, %s\n", out.Stage, out.Arch)
	fmt.Fprintf(&b, "%s of %s, %s, %d bytes\n", out.ReplyType, p.YIAddr, out.To.Via, len(out.Reply))
	fmt.Fprintf(&b, "because %s\n", out.Reason)
	if !p.SIAddr.IsUnspecified() {
		fmt.Fprintf(&b, "siaddr %s\n", p.SIAddr)
	}
	if len(p.File) > 0 {
		fmt.Fprintf(&b, "file %q\n", p.File)
	}
	for _, line := range Describe(out.Reply) {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}
