#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards an upgrade of the module by a reload: if its file has another path the
# new code runs, and the old workers end with the old one.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $module = $ENV{TEST_NGINX_MODULE};
my $t = Test::LLMBatch->new('another module')->has('llm_batch');

plan(skip_all => 'the module is linked into nginx') unless $module;
$t->plan(6);

chaos_conf($t);

my $mock = $t->backend();

$t->run();

my $old = version();

isnt($old, '', 'there is a version');

# the same code, that says it is another one

my $code = Test::LLMBatch::Proc::slurp($module);

my $new = '9' x length $old;
my $changed = $code =~ s/(module\/|\x{0})\Q$old\E\x{0}/$1$new\x{0}/g;

die "no version\n" unless $changed;

$t->write_file('new.so', $code);
$t->write_file('nginx.conf', $t->read_file('nginx.conf')
	=~ s/load_module \S+;/load_module @{[ $t->dir() ]}\/new.so;/r);

$mock->script(delay => 0.01);

my $turn = 0;
my $load = chaos_load($t, requests => 1000, keepalive => 0,
	every => [ 0.2, sub { $t->reload(wait => 0) unless $turn++ } ]);

none_lost($load, 1000, 'reload with another module');
wait_for { $t->workers(1) == 4 };
is(version(), $new, 'the new code runs');
empty_zone($t, 'afterwards');
still_merges($t, $mock, 'afterwards');

$t->done();


sub version {
	my $r = $t->request({ uri => '/llm-batch?format=prometheus' });
	return $r->{body} =~ /build_info\{version="([^"]+)"\}/ ? $1 : '';
}
