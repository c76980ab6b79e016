package hooks

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// provided are options in dnsmasq's words, of each kind that udhcpc has a name for.
func provided() []string {
	return []string{
		"1,255.255.254.0", "3,192.0.2.1,192.0.2.2", "6,192.0.2.3,192.0.2.4", "9,192.0.2.5", "12,host-1", "13,9",
		"15,lan.example", "16,192.0.2.6", "17,/root path", "23,40", "26,1400", "28,192.0.3.255",
		"33,10.0.0.0,192.0.2.1", "40,nis.example", "41,192.0.2.8", "42,192.0.2.9,192.0.2.10", "43,01:02:03",
		"44,192.0.2.11", "66,tftp.example", "67,boot.file", "100,text:CET-1CEST", "101,text:Europe/Berlin",
		"119,one.example,two.example", "120,192.0.2.12",
		"121,10.1.0.0/16,192.0.2.13,0.0.0.0/0,192.0.2.1", "209,text:conf", "210,text:/prefix", "211,00:00:00:3c",
		"212,18:20:20:01:0d:b8:00:00:00:00:00:00:00:00:00:00:00:00:c0:00:02:01", "249,10.0.0.0/8,192.0.2.1",
		"252,text:http://wpad.example/", "224,de:ad", "2,3600",
	}
}

// TestAsUdhcpc gives udhcpc leases with many options, and compares what its script gets with
// what is made of the same messages here. One message has no room for all of them.
func TestAsUdhcpc(t *testing.T) {
	all := provided()
	half := len(all) / 2
	asUdhcpc(t, all[:half])
	asUdhcpc(t, all[half:])
}

func asUdhcpc(t *testing.T, options []string) {
	box, isp := testnet.New(t, "box"), testnet.New(t, "isp")
	box.Connect("wan0", isp, "eth0")
	isp.AddAddr("eth0", "192.0.2.1/23")
	dir := t.TempDir()
	args := []string{
		"--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--user=root", "--no-ping",
		"--dhcp-range=192.0.2.100,192.0.2.100,1h", "--dhcp-leasefile=" + filepath.Join(dir, "leases"), "--pid-file=",
		"--dhcp-boot=pxe.0,server,192.0.2.7", "--dhcp-no-override",
	}
	for _, o := range options {
		args = append(args, "--dhcp-option-force="+o)
	}
	isp.Start(exec.Command(testnet.Need(t, "dnsmasq", "dnsmasq-base"), args...))
	ack := acks(t, box)

	script := filepath.Join(dir, "script")
	const text = "#!/bin/sh\n[ $1 = bound ] || exit 0\nenv >\"$0.new\"\nmv \"$0.new\" \"$0.env\"\n"
	if err := testnet.WriteProgram(script, []byte(text)); err != nil {
		t.Fatal(err)
	}
	udhcpc := exec.Command(testnet.Need(t, "udhcpc", "udhcpc"), "-f", "-i", "wan0", "-s", script)
	udhcpc.Env = []string{"PATH=" + os.Getenv("PATH")}
	box.Start(udhcpc)
	var theirs []string
	testnet.Eventually(t, 30*time.Second, "udhcpc has a lease", func() bool {
		b, err := os.ReadFile(script + ".env")
		theirs = strings.Split(strings.TrimSpace(string(b)), "\n")
		return err == nil
	})
	theirs = slices.DeleteFunc(theirs, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"PATH", "PWD", "OLDPWD", "SHLVL", "_"}, name)
	})
	ours := Environ(Event{Bound, "wan0", ack()})
	slices.Sort(theirs)
	slices.Sort(ours)
	if !slices.Equal(ours, theirs) {
		t.Errorf("ours:\n%s\nudhcpc's:\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
	}
	for _, o := range options {
		code, _, _ := strings.Cut(o, ",")
		n, _ := strconv.Atoi(code)
		name, _ := optionOf(uint8(n))
		value(t, ours, name)
	}
}

// acks listens on wan0, and returns a function that returns the ACK that it has heard.
func acks(t *testing.T, box *testnet.Namespace) func() *Message {
	var s *rawsocket.Packet
	err := box.Do(func() error {
		l, err := net.InterfaceByName("wan0")
		if err != nil {
			return err
		}
		const protocol, udp = 9, 17
		filter := rawsocket.OfLink(l.Index).Accept(bpf.LoadAbsolute{Off: protocol, Size: 1}, udp)
		s, err = rawsocket.Open(l.Index, rawsocket.Options{Protocol: rawsocket.IPv4, Filter: filter})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return func() *Message {
		s.Deadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 3000)
		for {
			r, err := s.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			d, err := ethernet.ReadDatagram(b[:r.Len], r.Partial)
			var p packet.Packet
			if err != nil || p.Unmarshal(d.Payload) != nil || p.Type() != packet.ACK {
				continue
			}
			m := &Message{IP: p.YIAddr, NextIP: p.SIAddr, RelayIP: p.GIAddr, BootFile: p.File, Server: p.SName}
			for _, o := range p.Options {
				m.Options = append(m.Options, Option(o))
			}
			return m
		}
	}
}

func ExampleEnviron() {
	fmt.Println(Environ(Event{Bound, "wan0", &Message{Options: []Option{{Code: 51, Data: []byte{0, 0, 14, 16}}}}}))
	// Output: [interface=wan0 lease=3600]
}
