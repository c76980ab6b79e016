package main

import (
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
			"halt":     endNow(boot.Halt).Main(),
			"nft":      nftLists().Main(),
			"poweroff": endNow(boot.PowerOff).Main(),
			"reboot":   endNow(boot.Reboot).Main(),
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

// endNow asks init to end the machine.
func endNow(kind boot.Kind) command.Command {
	return command.Command{Run: func(c *command.Call) {
		if len(c.Args) > 0 {
			c.Misused("expected nothing behind it; shutdown takes a time")
			return
		}
		if err := boot.Request(kind); err != nil {
			c.Fail(err)
		}
	}}
}
