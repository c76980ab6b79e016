package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/inet"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ip"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump"
	"github.com/gatehouse-os/gatehouse/internal/trust"
)

// commands are the commands of the console that need what this program has anyway: the network, and init.
func commands() multicall.Table {
	t := multicall.Table{
		Commands: map[string]multicall.Command{
			"halt":     multicall.Silent(end(boot.Halt)),
			"hostname": multicall.Silent(inet.Hostname),
			"ip":       multicall.Silent(ip.Run),
			"ping":     multicall.Silent(inet.Ping),
			"poweroff": multicall.Silent(end(boot.PowerOff)),
			"reboot":   multicall.Silent(end(boot.Reboot)),
			"tcpdump":  tcpdump.Commands()["tcpdump"].Main(),
		},
		Mains: believing(uroot()),
	}
	for name, c := range ssh.Commands() {
		t.Commands[name] = c.Main()
	}
	return t
}

// believing has wget know the certificate authorities: there is no file of them on the disk.
func believing(mains map[string]func()) map[string]func() {
	if wget := mains["wget"]; wget != nil {
		mains["wget"] = func() { believe(); wget() }
	}
	return mains
}

// believe may be called once. An authority that cannot be read is believed in nothing.
func believe() {
	roots, _ := trust.Roots()
	x509.SetFallbackRoots(roots)
}

// end asks init to end the machine. It has no options: who asks for one, be it --help, gets a usage line.
func end(kind boot.Kind) func(context.Context, []string, io.Writer, io.Writer) int {
	return func(_ context.Context, args []string, _, stderr io.Writer) int {
		if len(args) > 1 {
			fmt.Fprintf(stderr, "usage: %s\n", kind)
			return 2
		}
		if err := boot.Request(kind); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", kind, err)
			return 1
		}
		return 0
	}
}
