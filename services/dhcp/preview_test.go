package dhcp

import (
	"fmt"
	"strings"
	"testing"
)

// TestPreview: what is announced for a host is what its stages are then told.
func TestPreview(t *testing.T) {
	conf := campus()
	conf.Subnets[0].Probe = maxProbe
	conf.Hosts[2].Netboot = bootable().Hosts[2].Netboot
	show := func(host string) string {
		t.Helper()
		all, err := conf.Preview(host)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, p := range all {
			fmt.Fprintf(&b, "%s | %s | %s | %s %t %s | %s %s | %s\n", p.Subnet, p.Stage, p.Arch, p.Addr, p.Reserved, p.Life, p.Server, p.File, strings.Join(p.Told, ", "))
		}
		return b.String()
	}
	const (
		first = `1 netmask 255.255.255.0, 3 router 192.168.32.1, 6 dns-server 192.0.2.53, 12 host-name "web1", 15 domain-name "home.example"`
		then  = `28 broadcast 192.168.32.255, 42 ntp-server 192.0.2.123`
		root  = `17 root-path "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root"`
		iqn   = `203 iscsi-initiator "iqn.2011-03.example.home:web1"`
	)
	got := show("web1")
	for _, want := range []string{
		"lan | PXE | BIOS | 192.168.32.11 true 12h0m0s | 192.168.32.10 undionly.kpxe | " + first + ", " + then + "\n",
		"lan | PXE | RISC-V 64 UEFI | 192.168.32.11 true 12h0m0s | 192.168.32.10 ipxe-riscv64.efi | ",
		"lan | UEFI HTTP | x86-64 UEFI over HTTP | 192.168.32.11 true 12h0m0s | invalid IP http://192.168.32.10/ipxe.efi | " + first + ", " + then + `, 60 vendor-class "HTTPClient"`,
		"lan | iPXE |  | 192.168.32.11 true 12h0m0s | 192.168.32.10 http://192.168.32.10/boot.ipxe | " + first + ", " + root + ", " + then + ", 175 ipxe 176=01, " + iqn + "\n",
		"lan | iSCSI adapter |  | 192.168.32.11 true 12h0m0s | 192.168.32.10  | " + first + ", " + root + `, 28 broadcast 192.168.32.255, 42 ntp-server 192.0.2.123, 43 vendor-encap 201="iscsi:`,
		"lan | system |  | 192.168.32.11 true 12h0m0s | 192.168.32.10  | " + first + ", " + root + ", " + then + ", " + iqn + "\n",
		"shop | PXE | BIOS | 192.168.40.100 false 1h0m0s | ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nis missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "LoongArch") {
		t.Error("a stage is shown for which there is no file")
	}
	boards := Netboot{Server: ip("192.168.32.10"), Files: map[Arch]string{ArchUBootARM64: "ub", 256: "old", 24: "https://192.168.32.10/ub"}}
	for n, want := range map[*Netboot]string{
		&boards: "lan | PXE | ARM64 U-Boot | 192.168.32.11 true 12h0m0s | 192.168.32.10 ub | ",
		{Server: ip("192.168.32.10")}: "lan | PXE | BIOS | 192.168.32.11 true 12h0m0s | 192.168.32.10  | " + first + ", " + then +
			`, 66 tftp-server "192.168.32.10"` + "\n",
	} {
		conf.Hosts[2].Netboot = n
		if got := show("web1"); !strings.Contains(got, want) || n == &boards && (!strings.Contains(got, "architecture 256") ||
			!strings.Contains(got, "ARM64 U-Boot over HTTP") || strings.Contains(got, "BIOS")) {
			t.Errorf("%s\nis missing in\n%s", want, got)
		}
	}
	for host, want := range map[string]string{
		"laptop": "lan | system |  | 192.168.32.100 false 12h0m0s | invalid IP  | ",
		"till":   "shop | system |  | 192.168.40.7 true 1h0m0s | invalid IP  | ",
	} {
		if got := show(host); !strings.Contains(got, want) || strings.Contains(got, "PXE") {
			t.Errorf("%s:\n%s", host, got)
		}
	}
	if got := show("firewall") + show("nobody"); got != "" {
		t.Errorf("who asks nothing is told\n%s", got)
	}
}
