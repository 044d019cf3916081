#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that heads of the answers to parts of a request are not kept until the
# last of them is there.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Proc qw/ slurp /;

my $t = Test::LLMBatch->new('heads of parts')->has('llm_batch')->plan(3);
my $mock = $t->backend();

$t->write_file('models.json', '{"models":[{"match":"three","max_items":3}]}');
$t->conf(<<'EOF', http => 'llm_batch_models models.json;');
location / {
    llm_batch zone=llm;
    llm_batch_max_wait 20s;
    llm_batch_split on max=1024;
    proxy_buffer_size 64k;
    proxy_buffers 8 64k;
    proxy_busy_buffers_size 128k;
    proxy_pass http://backend;
}
EOF

$t->run();

$mock->script(headers => { 'X-Long' => 'b' x 50000 });

my ($n, $worker) = (1500, $t->workers());
my $ask = { uri => '/v1/embeddings', body => { model => 'three',
	input => [ map { "text $_" } 1 .. $n ] } };

my $before = peak();
is_own_answer($t->request($ask), 'an answer');
cmp_ok(scalar(() = $mock->calls()), '>=', $n / 3, 'in parts');

SKIP: {
	skip 'memory of a sanitizer', 1 if $ENV{TEST_NGINX_SANITIZER};
	cmp_ok(peak() - $before, '<', 12 * 1024, 'kilobytes, of 25000 of heads');
}

$t->done();


sub peak () {
	return slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+)/m ? $1 : die;
}
