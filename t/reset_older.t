#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that requests are batched again after a zone was reset although a
# worker of an older configuration is still there, with nothing to do but one
# long answer: no text is kept in the zone until each worker knows of the reset.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Proc qw/ slurp /;

my $t = Test::LLMBatch->new('reset, older workers')
	->has(qw/ llm_batch crash_points /);
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my $file = $ENV{LLMB_CRASH_FILE} = $t->dir() . '/crash';

chmod 0777, $t->dir();

$t->conf(<<'EOF', main => 'env LLMB_CRASH_FILE;');
llm_batch zone=llm;
llm_batch_concurrency 1;

location / {
    proxy_pass http://backend;
}
EOF

$t->expect(qr/exited on signal 9/, qr/was locked by/);
$t->run();

# the long answer

$mock->next({ hold => 1 });

my $client = $t->client();
my $long = $client->start({ uri => $uri,
	body => { model => 'm', input => 'long', stream => \1 } });

wait_for { $mock->count() == 1 };

my ($old) = $t->workers();

$t->reload(wait => 0);
wait_for { slurp("/proc/$old/cmdline") =~ /shutting down/ };
ok(meets(), 'requests meet after the reload');

$t->write_file('crash.new', 'lock');
rename "$file.new", $file or die "rename: $!";

wait_for { $t->request({ uri => $uri,
	body => { model => 'm', input => 'x' } }); !-e $file };
ok(!-e $file, 'a worker dies within the lock');

ok((wait_for { meets() } 10), 'requests meet again');

$mock->release();
is_own_answer([ $client->finish($long) ], 'the long answer');

$t->done();


sub meets () {
	my @r = $t->burst(8, $uri, sub ($i) {
		return { model => 'm', input => "text $i" }
	});

	return scalar grep { ($_->{headers}{'x-status'} // '') eq 'MERGED' } @r;
}
