#!/bin/sh -e
# The iSCSI target of web1. Made from the site of firewall.home.example by: gatehouse host web1 --target=lio
# To be run as root on 192.168.32.10, with the disk, a file or a block device, as its argument.
# It is to be run in the directory of the site, or where copies of its secrets lie; they go on a command line.
disk=${1:?expected the disk}
kind=fileio; if [ -b "$disk" ]; then kind=block; fi
targetcli /backstores/$kind create web1 "$disk"
targetcli /iscsi create iqn.2011-03.example.home:web1.root
targetcli /iscsi/iqn.2011-03.example.home:web1.root/tpg1/luns create /backstores/$kind/web1 lun=1
targetcli /iscsi/iqn.2011-03.example.home:web1.root/tpg1 set attribute authentication=1
targetcli /iscsi/iqn.2011-03.example.home:web1.root/tpg1/acls create iqn.2011-03.example.home:web1
targetcli /iscsi/iqn.2011-03.example.home:web1.root/tpg1/acls/iqn.2011-03.example.home:web1 set auth userid=web1 password="$(cat 'chap/web1')"
targetcli /iscsi/iqn.2011-03.example.home:web1.root/tpg1/acls/iqn.2011-03.example.home:web1 set auth mutual_userid=store mutual_password="$(cat 'chap/the store'\''s')"
targetcli saveconfig
