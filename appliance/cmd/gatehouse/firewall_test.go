package main

import (
	"fmt"
	"os"
	"testing"
)

// TestFirewallCommand asks the firewall of a whole box about packets that were sent through it.
func TestFirewallCommand(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	w.start()
	w.works("at first")
	w.wan.Try("ping", "-c2", "-w2", "192.0.2.10")
	w.wan.Try("nc", "-w1", "-z", "192.0.2.10", "22")
	w.lan.Try("nc", "-w1", "-z", "192.168.32.1", "23")
	w.lan.Try("nc", "-w1", "-u", "-z", "192.168.32.1", "53")
	for _, args := range [][]string{{"firewall"}, {"firewall", "log"}, {"firewall", "log", "--json", "-n1"}, {"status"}, {"log"}} {
		fmt.Println("$ gatehouse", args)
		fmt.Println(w.gatehouse(args...))
	}
	os.Stdout.Sync()
}
