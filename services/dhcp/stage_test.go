package dhcp

import (
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// TestOddStages: clients that say less, or say it differently, than those of
// TestStages.
func TestOddStages(t *testing.T) {
	const (
		root   = "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root"
		iqn    = "iqn.2011-03.example.home:web1"
		script = "http://192.168.32.10/boot.ipxe"
		store  = "192.168.32.10"
		ipxe55 = "\x01\x03\x06\x07\x0c\x0f\x11\x1a\x2a\x2b\x3c\x42\x43\x77\x79\xaf\xcb"
	)
	rom := func(arch string) []dhcpv4.Modifier {
		return []dhcpv4.Modifier{opt(60, "PXEClient:Arch:00000:UNDI:002001"), opt(93, arch), opt(94, "\x01\x02\x01"),
			opt(55, "\x01\x02\x03\x05\x06\x0b\x0c\x0d\x0f\x10\x11\x12\x2b\x36\x3c\x43\x80")}
	}
	type told struct{ siaddr, file, opt66, opt67, opt17, opt203, opt175, name string }
	ipxeTold := told{store, script, "", script, root, iqn, "\xb0\x01\x01", "web1"}
	osTold := told{store, "", "", "", root, iqn, "", "web1"}
	for _, tc := range []struct {
		name  string
		says  []dhcpv4.Modifier
		stage Stage
		want  told
	}{
		{"x64 UEFI that says EFI BC", rom("\x00\x09"), StagePXE, told{store, "ipxe.efi", store, "ipxe.efi", "", "", "", "web1"}},
		{"IA32 UEFI, for which there is no file", rom("\x00\x06"), StagePXE, told{siaddr: store, opt66: store, name: "web1"}},
		{"ROM that names no architecture", []dhcpv4.Modifier{opt(60, "PXEClient")}, StagePXE,
			told{store, "undionly.kpxe", store, "undionly.kpxe", "", "", "", "web1"}},
		{"U-Boot with a class of its board's own", []dhcpv4.Modifier{opt(60, "U-boot.armv7.highbank"), opt(93, "\x01\x00")}, StagePXE,
			told{siaddr: store, opt66: store, name: "web1"}},
		{"U-Boot with a class of its user's own", []dhcpv4.Modifier{opt(60, "rack7"), opt(93, "\x00\x15")}, StagePXE,
			told{siaddr: store, opt66: store, name: "web1"}},
		{"Raspberry Pi by its architecture alone", []dhcpv4.Modifier{opt(93, "\x00\x29")}, StagePXE, told{siaddr: store, opt66: store, name: "web1"}},
		{"a system that says which machine it is on", []dhcpv4.Modifier{opt(93, "\x00\x0b")}, StageSystem, osTold},
		{"iPXE by a user class of RFC 3004", []dhcpv4.Modifier{opt(77, "\x03foo\x04iPXE"), opt(55, ipxe55)}, StageIPXE, ipxeTold},
		{"iPXE by 175 alone", []dhcpv4.Modifier{opt(175, "")}, StageIPXE, ipxeTold},
		{"HTTP boot without a URI", []dhcpv4.Modifier{opt(60, "HTTPClient:Arch:00016"), opt(93, "\x00\x10")}, StageHTTP,
			told{siaddr: "0.0.0.0", name: "web1"}},
		{"a system that asks for no root path", []dhcpv4.Modifier{opt(55, "\x01\x03\x06"), opt(61, "\xff\x00\x00\x00\x01duid")}, StageSystem, osTold},
		{"a user class like nothing", []dhcpv4.Modifier{opt(77, "\xffiPXE")}, StageSystem, osTold},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, home())
			for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest} {
				says := tc.says
				if kind == dhcpv4.MessageTypeRequest {
					says = append(says, wanted("192.168.32.11"), from("192.168.32.1"))
				}
				out, p := handle(t, s, t0, ask(web1, kind, says...))
				got := told{p.ServerIPAddr.String(), p.BootFileName, string(p.Options[66]), string(p.Options[67]),
					string(p.Options[17]), string(p.Options[203]), string(p.Options[175]), p.HostName()}
				if out.Stage != tc.stage || got != tc.want || p.YourIPAddr.String() != "192.168.32.11" || out.File != tc.want.opt67 {
					t.Errorf("%s: taken for %s, told\n%+v, want\n%+v", kind, out.Stage, got, tc.want)
				}
			}
		})
	}
}

// TestFiles: which file is for which architecture, plain and over HTTP.
func TestFiles(t *testing.T) {
	n := &Netboot{HTTP: "http://192.0.2.10/boot/", BIOS: "b", UEFI: "u", UEFIARM64: "a", Files: map[Arch]string{
		ArchUEFIRISCV64: "r", ArchUEFILoong64: "https://192.0.2.11/l", 19: "over-http", ArchUEFI32: "i",
		ArchUBootARM64: "ub", ArchRaspberryPi: "pi", 14: "opal", 256: "old-u-boot",
	}}
	conf := home()
	conf.Hosts[2].Netboot = n
	s := newServer(t, conf)
	for arch, want := range map[Arch]string{
		0: "b", 6: "i", 7: "u", 9: "u", 11: "a", 27: "r", 39: "https://192.0.2.11/l", 10: "", 1: "", 22: "ub", 41: "pi", 14: "opal", 256: "old-u-boot", 21: "",
		24: "http://192.0.2.10/boot/ub", 23: "",
		15: "http://192.0.2.10/boot/i", 16: "http://192.0.2.10/boot/u", 17: "http://192.0.2.10/boot/u", 18: "", 19: "http://192.0.2.10/boot/over-http",
		20: "http://192.0.2.10/boot/b", 28: "http://192.0.2.10/boot/r", 40: "https://192.0.2.11/l", 65535: "",
	} {
		class := "PXEClient"
		if _, http := arch.overHTTP(); http {
			class = "HTTPClient"
		}
		out, p := handle(t, s, t0, ask(web1, dhcpv4.MessageTypeDiscover, opt(60, class), opt(93, string([]byte{byte(arch >> 8), byte(arch)}))))
		if p.BootFileNameOption() != want || out.File != want || (want == "") != strings.Contains(out.Reason, "no boot") {
			t.Errorf("%s (%d): %q, want %q (%s)", arch, uint16(arch), p.BootFileNameOption(), want, out.Reason)
		}
	}
}

// TestOthersAreNotToldToBoot: whatever else a host without netboot says of itself.
func TestOthersAreNotToldToBoot(t *testing.T) {
	s := newServer(t, home())
	for _, says := range []dhcpv4.Modifier{opt(60, "PXEClient:Arch:00007"), opt(175, ""), opt(55, "\x11\x42\x43\xaf\xcb")} {
		for _, card := range []lease.MAC{printer, laptop, visitor} {
			out, p := handle(t, s, t0, ask(card, dhcpv4.MessageTypeDiscover, says))
			if !p.ServerIPAddr.IsUnspecified() || p.BootFileName != "" || out.File != "" {
				t.Errorf("%s was sent to %s for %q", card, p.ServerIPAddr, p.BootFileName)
			}
			for _, code := range []uint8{17, 66, 67, 175, 203} {
				if p.Options[code] != nil {
					t.Errorf("%s was told option %d: %q", card, code, p.Options[code])
				}
			}
		}
	}
}

func TestLongScriptIsOnlyAnOption(t *testing.T) {
	conf := home()
	conf.Hosts[2].Netboot.Script = "http://192.168.32.10/" + strings.Repeat("x", 150)
	_, p := handle(t, newServer(t, conf), t0, ask(web1, dhcpv4.MessageTypeDiscover, opt(175, ""), opt(57, "\x05\xc0")))
	if p.BootFileName != "" || p.BootFileNameOption() != conf.Hosts[2].Netboot.Script {
		t.Errorf("file %q, option %q", p.BootFileName, p.BootFileNameOption())
	}
}
