package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
)

// serveRules is this program on the appliance: it loads the rules that are loaded there once more, with a
// flowtable or without, as each line of the input says, and answers when it is done.
func serveRules(input io.Reader, output io.Writer) error {
	loaded, err := shown.ReadRules("/run/gatehouse")
	if err != nil {
		return err
	}
	devices := nft.Offload(loaded.Policy.Shortcuts())
	links := nft.Links(loaded.Policy.Shortcuts())
	if len(devices) < 2 {
		return fmt.Errorf("this kernel makes no short cut between %v", loaded.Policy.Shortcuts())
	}
	for lines := bufio.NewScanner(input); lines.Scan(); {
		features := firewall.Features{Links: links}
		if lines.Text() == "with" {
			features.Offload = devices
		}
		if err := compileAndLoad(loaded.Policy, features); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(output, "ok"); err != nil {
			return err
		}
	}
	return nil
}
