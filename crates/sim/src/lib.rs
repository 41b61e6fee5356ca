//! The same machines in a seeded world.
