package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/inet"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ip"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/internal/trust"
)

// commands are the commands of the console that need what this program has anyway: the network, and init.
func commands() multicall.Table {
	return multicall.Table{
		Commands: map[string]multicall.Command{
			"halt":     multicall.Silent(end(boot.Halt)),
			"hostname": multicall.Silent(inet.Hostname),
			"ip":       multicall.Silent(ip.Run),
			"ping":     multicall.Silent(inet.Ping),
			"poweroff": multicall.Silent(end(boot.PowerOff)),
			"reboot":   multicall.Silent(end(boot.Reboot)),
		},
		Mains: escaping(believing(uroot())),
	}
}

// believing has wget know the certificate authorities: there is no file of them on the disk.
func believing(mains map[string]func()) map[string]func() {
	if wget := mains["wget"]; wget != nil {
		mains["wget"] = func() { believe(); wget() }
	}
	return mains
}

// escaping has tcpdump print what hosts of a link call themselves, and what they ask for, so that it does nothing
// to a terminal.
func escaping(mains map[string]func()) map[string]func() {
	if tcpdump := mains["tcpdump"]; tcpdump != nil {
		mains["tcpdump"] = func() {
			theirs, prints, err := os.Pipe()
			if err != nil {
				fmt.Fprintf(os.Stderr, "tcpdump: %v\n", err)
				os.Exit(1)
			}
			ours, over := os.Stdout, make(chan struct{})
			go func() {
				defer close(over)
				_, _ = io.Copy(printable.Writer(ours), theirs) // who reads no more ends it by SIGPIPE
			}()
			os.Stdout = prints
			tcpdump()
			os.Stdout = ours
			prints.Close()
			<-over
		}
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
