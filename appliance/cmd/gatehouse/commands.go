package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/fetch"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/inet"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ip"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/lookup"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump"
)

// commands are the commands of the console that need what this program has anyway: the network, and init.
func commands() multicall.Table {
	return multicall.Table{
		Commands: map[string]multicall.Command{
			"curl":     fetch.Commands()["curl"].Main(),
			"dig":      lookup.Commands()["dig"].Main(),
			"halt":     multicall.Silent(end(boot.Halt)),
			"host":     lookup.Commands()["host"].Main(),
			"hostname": multicall.Silent(inet.Hostname),
			"ip":       multicall.Silent(ip.Run),
			"nslookup": lookup.Commands()["nslookup"].Main(),
			"ping":     multicall.Silent(inet.Ping),
			"poweroff": multicall.Silent(end(boot.PowerOff)),
			"reboot":   multicall.Silent(end(boot.Reboot)),
			"tcpdump":  tcpdump.Commands()["tcpdump"].Main(),
			"wget":     fetch.Commands()["wget"].Main(),
		},
		Mains: uroot(),
	}
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
