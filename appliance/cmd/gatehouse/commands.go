package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/arping"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/conntrack"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/fetch"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/inet"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ip"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/lookup"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/nc"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/nettools"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ntpdate"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ss"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/telnet"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tftp"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/trace"
)

// commands are the commands of the console that need what this program has anyway: the network, and init.
func commands() multicall.Table {
	t := multicall.Table{
		Commands: map[string]multicall.Command{
			"halt":     multicall.Silent(endNow(boot.Halt)),
			"hostname": multicall.Silent(inet.Hostname),
			"poweroff": multicall.Silent(endNow(boot.PowerOff)),
			"reboot":   multicall.Silent(endNow(boot.Reboot)),
			"shutdown": shutdown().Main(),
		},
	}
	for _, room := range rooms() {
		for name, c := range room {
			t.Commands[name] = c.Main()
		}
	}
	return t
}

// rooms have the commands that are on the frame of the userland.
func rooms() []map[string]command.Command {
	return []map[string]command.Command{
		arping.Commands(),
		conntrack.Commands(),
		fetch.Commands(),
		inet.Commands(),
		ip.Commands(),
		lookup.Commands(),
		nc.Commands(),
		nettools.Commands(),
		ntpdate.Commands(),
		ss.Commands(),
		ssh.Commands(),
		tcpdump.Commands(),
		telnet.Commands(),
		tftp.Commands(),
		trace.Commands(),
	}
}

// endNow asks init to end the machine. It has no options: who asks for one, be it --help, gets a usage line.
func endNow(kind boot.Kind) func(context.Context, []string, io.Writer, io.Writer) int {
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
